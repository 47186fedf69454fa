// What a connection does between reads and writes: judging requests, handing them to handlers,
// timing. The coroutines are in connection.cpp.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "serve/http/connection.h"
#include "serve/http/error_response.h"

namespace levin::serve::http {

namespace asio = boost::asio;

namespace {

// Closing a socket with unread bytes resets the connection, and the client may lose the answer.
constexpr std::chrono::milliseconds kLingerTime{1000};
constexpr std::chrono::milliseconds kNoTime{0};
/// A reader must take as many on average within lag_time while something waits for it.
constexpr size_t kLeastBytesTaken = size_t{64} << 10;

/// A failure of ours is logged before the client hears of it.
template <typename Handle>
void run_handler(const ServerOptions& options, const Handle& handler, Request request,
                 const std::shared_ptr<Responder>& responder) {
  const std::string id = request.id;
  const auto fail = [&](std::string_view reason, Response response) {
    if (response.status == 500 && options.on_failure) {
      options.on_failure(id, reason);
    }
    responder->send(std::move(response));
  };
  try {
    handler(std::move(request), responder);
  } catch (const base::Error& error) {
    fail(error.what(), error_response(error));
  } catch (const std::exception& error) {
    fail(error.what(), error_response(base::Error(base::ErrorCode::kInternal, error.what())));
  }
}

}  // namespace

void Connection::enter(Phase phase, std::chrono::milliseconds time) {
  phase_ = phase;
  deadline_ = Clock::now() + time;
}

void Connection::begin_exchange(const RequestParser& parser) {
  const RequestHead& head = parser.head();
  record_ = ExchangeRecord();
  record_.id = fmt::format("{:016x}", base::random_bits(server_.id_seed, ++server_.requests));
  record_.method = head.method;
  record_.remote_address = peer_.address;
  form_ = AnswerForm();
  form_.headers = server_.access.cors_headers(head);
  form_.headers.emplace_back("X-Request-Id", record_.id);
  form_.headers.insert(form_.headers.end(), security_headers().begin(), security_headers().end());
  form_.is_head = head.method == "HEAD";
  form_.is_http_1_0 = head.is_http_1_0;
  form_.is_last = !head.is_keep_alive || head.is_http_1_0 || server_.is_draining;
  handler_ = nullptr;
}

std::optional<Response> Connection::judge(const RequestHead& head) {
  std::optional<Target> target = parse_target(head.target);
  if (!target.has_value()) {
    return error_response(400, "a request target of the form /path?query expected");
  }
  target_ = std::move(*target);
  record_.path = target_.path;
  if (std::optional<Response> refusal = server_.access.refusal(head); refusal.has_value()) {
    return refusal;
  }
  if (AccessRules::is_preflight(head)) {
    return AccessRules::preflight_response(head);
  }
  const Router::Match match = server_.router->find(head.method, target_.path);
  if (match.handler == nullptr && match.allow.empty()) {
    return error_response(404, "no such path: " + target_.path);
  }
  if (match.handler == nullptr) {
    Response response = error_response(405, "this path answers " + match.allow);
    response.headers.emplace_back("Allow", match.allow);
    return response;
  }
  handler_ = match.handler;
  lane_ = match.lane;
  return std::nullopt;
}

void Connection::begin_answer() {
  is_late_ = false;
  in_step_since_ = Clock::now();
  write_time_ = Clock::duration(0);
  // Called from other threads, until the answer is closed or complete: not later than the server.
  auto wake = [weak = weak_from_this(), network = server_.network] {
    asio::post(network, [weak] {
      if (const auto connection = weak.lock()) {
        connection->wake_.cancel();
      }
    });
  };
  answer_ = std::make_shared<Answer>(std::move(form_), std::move(wake));
  enter(Phase::kAnswering, kNoTime);  // last: whoever ends that phase closes the answer
}

void Connection::answer_now(Response response) {
  begin_answer();
  answer_->send(std::move(response));
}

void Connection::dispatch(RequestParser& parser) {
  begin_answer();
  Request request{.id = record_.id,
                  .method = record_.method,
                  .path = std::move(target_.path),
                  .query = std::move(target_.query),
                  .headers = parser.head().headers,
                  .body = parser.take_body(),
                  .remote_address = peer_.address,
                  .is_loopback = peer_.is_loopback};
  record_.received_bytes = request.body.size();
  record_.is_handled = true;
  asio::co_spawn(server_.network, write_answer(),
                 [self = shared_from_this()](const std::exception_ptr& failure) {
                   if (failure) {
                     self->close();
                   }
                 });
  if (lane_ == Lane::kQuick) {
    body_.reset();
    run_handler(server_.options, *handler_, std::move(request), Answer::for_handler(answer_));
    return;
  }
  auto handle = [&options = server_.options, handler = handler_, request = std::move(request),
                 responder = Answer::for_handler(answer_), network = server_.network,
                 body = std::move(body_)]() mutable {
    const auto handle_arrived = [&](Request&& arrived, const auto& to) {
      asio::post(network, [counted = std::move(body)] {});  // counts no more
      if (!to->is_closed()) {
        (*handler)(std::move(arrived), to);
      }
    };
    run_handler(options, handle_arrived, std::move(request), responder);
  };
  if (lane_ == Lane::kSlow) {
    asio::post(server_.slow_handlers, std::move(handle));
  } else {
    asio::post(server_.handlers, std::move(handle));
  }
}

void Connection::end_exchange() {
  report(true);
  const bool is_last = answer_->is_last() || server_.is_draining;
  answer_->close();
  answer_.reset();
  if (is_last) {
    enter(Phase::kLingering, kLingerTime);
  } else {
    enter(Phase::kIdle, server_.options.limits.idle_time);
  }
  if (is_last || buffer_.size() > 0) {
    transport_->cancel();  // no more requests, or the next is here already: wait for no bytes
  }
  done_.cancel();
}

void Connection::report(bool is_complete) {
  record_.status = answer_->status();
  record_.sent_bytes = answer_->sent_bytes();
  record_.is_complete = is_complete;
  record_.duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - exchange_start_);
  if (server_.options.on_exchange) {
    server_.options.on_exchange(record_);
  }
}

void Connection::check_time(Clock::time_point now) {
  const Limits& limits = server_.options.limits;
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kIdle:
    case Phase::kLingering:
      if (now >= deadline_) {
        close();
      }
      return;
    case Phase::kHead:
    case Phase::kBody:
      if (now >= deadline_ && !is_late_) {
        is_late_ = true;
        transport_->cancel();  // the reader wakes up and says 408
      }
      return;
    case Phase::kAnswering: {
      if (!answer_->is_stream() || answer_->queued_bytes() <= limits.max_queued_bytes) {
        in_step_since_ = now;
      }
      const auto writing = write_since_ < now ? now - write_since_ : Clock::duration(0);
      const size_t steps = 1 + answer_->sent_bytes() / kLeastBytesTaken;
      const bool is_stuck = writing >= limits.lag_time ||
                            write_time_ + writing >= static_cast<int64_t>(steps) * limits.lag_time;
      if (is_stuck || now - in_step_since_ >= limits.lag_time) {
        close();
      }
      return;
    }
    case Phase::kClosed:
      return;
  }
}

void Connection::drain() {
  const bool is_idle = phase_ == Phase::kIdle && buffer_.size() == 0;
  if (is_idle || phase_ == Phase::kHandshake) {
    close();
  }
}

void Connection::close() {
  if (phase_ == Phase::kClosed) {
    return;
  }
  const bool was_answering = phase_ == Phase::kAnswering;
  phase_ = Phase::kClosed;
  transport_->close();
  wake_.cancel();
  done_.cancel();
  if (was_answering) {
    answer_->close();
    report(false);
  }
}

}  // namespace levin::serve::http
