#include "serve/api/reply.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "serve/http/server_options.h"

namespace levin::serve::api {
namespace {

std::string text_of(const Choice& choice) {
  std::string text = dump(choice.json);
  text.pop_back();  // the closing brace
  return text.append(",\"logprobs\":").append(choice.logprobs).append("}");
}

Json usage_and_meter(const Spending& spending, const Cost& cost) {
  return {{"usage", usage_json(spending, cost)}, {"levin", meter_json(spending, cost)}};
}

/// The members of `head`, the choices and the members of `rest` (it may have none) as one object.
std::string object_text(const Json& head, std::string_view choices, const Json& rest) {
  std::string text = dump(head);
  text.pop_back();
  text.append(",\"choices\":[").append(choices).append("]");
  return rest.empty() ? text.append("}") : text.append(",").append(dump(rest).substr(1));
}

}  // namespace

Reply::Reply(std::shared_ptr<http::Responder> responder, ReplyOptions options,
             std::unique_ptr<accounts::Admission> admission, const ReplyServices& services)
    : responder_(std::move(responder)),
      options_(std::move(options)),
      admission_(std::move(admission)),
      services_(services),
      open_choices_(options_.choices) {}

Json Reply::envelope(const std::string& object) const {
  return {{"id", options_.id},
          {"object", object},
          {"created", options_.created_unix_s},
          {"model", options_.model},
          {"system_fingerprint", options_.fingerprint}};
}

void Reply::begin_stream() {
  if (!has_begun_) {
    has_begun_ = true;
    responder_->start_stream(200, http::kEventStreamType, {});
  }
}

void Reply::write_event(const std::string& data) {
  begin_stream();
  responder_->write("data: " + data + "\n\n");
}

void Reply::write_choice(const Choice& choice) {
  Json rest = Json::object();
  if (options_.include_usage) {
    rest["usage"] = nullptr;
  }
  write_event(object_text(envelope(options_.chunk_object), text_of(choice), rest));
}

void Reply::write_progress(int64_t prompt_tokens_done, int64_t prompt_tokens) {
  if (!options_.streams || !options_.include_progress) {
    return;
  }
  Json chunk = envelope(options_.chunk_object);
  chunk["choices"] = Json::array();
  if (options_.include_usage) {
    chunk["usage"] = nullptr;
  }
  chunk["levin"] = {{"prompt_tokens_done", prompt_tokens_done}, {"prompt_tokens", prompt_tokens}};
  write_event(dump(chunk));
}

void Reply::end_choice(const Choice& choice, const Spending& spending) {
  finish_reason_ = choice.json.at("finish_reason").get<std::string>();
  if (options_.streams && open_choices_ > 1) {
    write_choice(choice);
  } else {
    const auto index = choice.json.at("index").get<int64_t>();
    choices_[index] = text_of(choice);
  }
  end_one(spending);
}

void Reply::fail_choice(const base::Error& error, const Spending& spending) {
  if (!has_failed_) {
    has_failed_ = true;
    const ApiError refusal = to_api_error(error);
    if (refusal.status() == 500) {
      base::log_line(base::LogLevel::kError,
                     fmt::format("request {} failed: {}", options_.id, error.what()));
    }
    services_.metrics.count_request(options_.endpoint, refusal.status());
    http::Response response = error_response(refusal);
    if (has_begun_) {
      write_event(response.body);
      responder_->finish({});
    } else {
      responder_->send(std::move(response));
    }
  }
  end_one(spending);
}

Wish Reply::flow(Clock::time_point now) {
  if (has_failed_ || responder_->is_closed()) {
    return Wish::kCancel;
  }
  if (responder_->queued_bytes() <= http::kMaxQueuedBytes) {
    lags_since_.reset();
    return Wish::kGoOn;
  }
  lags_since_ = lags_since_.value_or(now);
  return now - *lags_since_ > services_.max_lag ? Wish::kCancel : Wish::kPause;
}

void Reply::end_one(const Spending& spending) {
  spending_ += spending;
  if (--open_choices_ == 0) {
    services_.worker.post([self = shared_from_this()] { self->complete(); });
  }
}

/// On the worker's thread: the charge is on disk before the client sees the end.
void Reply::complete() {
  settle();
  services_.metrics.count_tokens(spending_);
  const Cost cost = cost_of(spending_, services_.prices);
  report(cost);
  if (has_failed_) {
    return;
  }
  services_.metrics.count_request(options_.endpoint, responder_->is_closed() ? kClientGone : 200);
  if (options_.streams) {
    write_usage_and_end(cost);
  } else {
    send_body(cost);
  }
}

void Reply::report(const Cost& cost) const {
  const std::string_view outcome = has_failed_               ? "failed"
                                   : responder_->is_closed() ? "client_gone"
                                                             : std::string_view(finish_reason_);
  services_.metrics.count_answer(std::string(outcome));
  if (services_.on_answer) {
    services_.on_answer({.id = options_.id,
                         .endpoint = options_.endpoint,
                         .model = options_.model,
                         .key_name = options_.key_name,
                         .spending = spending_,
                         .cost_usd = cost.usd,
                         .outcome = outcome});
  }
}

void Reply::settle() {
  if (admission_ == nullptr) {
    return;
  }
  if (has_failed_) {  // what the server could not do costs nothing
    admission_->release();
    admission_.reset();
    return;
  }
  try {
    (void)admission_->settle(to_token_usage(spending_));
  } catch (const std::exception& error) {
    base::log_line(base::LogLevel::kError,
                   fmt::format("request {} could not be charged: {}", options_.id, error.what()));
  }
  admission_.reset();
}

/// The envelope, what choices are left, and the members of `rest`.
std::string Reply::take_choices(const std::string& object, const Json& rest) {
  std::string choices;
  for (auto& [index, text] : std::exchange(choices_, {})) {
    choices += choices.empty() ? "" : ",";
    choices += text;
  }
  return object_text(envelope(object), choices, rest);
}

void Reply::write_usage_and_end(const Cost& cost) {
  if (options_.include_usage) {
    write_event(take_choices(options_.chunk_object, {{"usage", nullptr}}));
  }
  write_event(take_choices(options_.chunk_object, usage_and_meter(spending_, cost)));
  responder_->write("data: [DONE]\n\n");
  responder_->finish(cost.usd);
}

void Reply::send_body(const Cost& cost) {
  http::Response response;
  response.body = take_choices(options_.object, usage_and_meter(spending_, cost));
  response.headers.emplace_back(kCostHeader, cost.usd);
  responder_->send(std::move(response));
}

}  // namespace levin::serve::api
