#include "serve/service_log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

#include "serve/api/json.h"

namespace levin::serve {
namespace {

using api::dump;
using api::Json;

constexpr size_t kQueuedLines = 8192;
constexpr size_t kMaxPathBytes = 200;

/// Paths come from clients: cut, and quoted as JSON where they could forge a line.
std::string_view shown_path(const http::ExchangeRecord& record) {
  return std::string_view(record.path).substr(0, kMaxPathBytes);
}

/// The rest of a JSON line whose time and level the pattern writes.
std::string json_fields(const Json& fields) { return dump(fields).substr(1); }

}  // namespace

std::string exchange_line(const http::ExchangeRecord& record, bool is_json) {
  const char* outcome = record.is_complete ? "complete" : "cut";
  if (is_json) {
    return json_fields({{"event", "exchange"},
                        {"request", record.id},
                        {"peer", record.remote_address},
                        {"method", record.method},
                        {"path", shown_path(record)},
                        {"status", record.status},
                        {"received_bytes", record.received_bytes},
                        {"sent_bytes", record.sent_bytes},
                        {"ms", record.duration.count()},
                        {"outcome", outcome}});
  }
  return fmt::format("{} {} {} {} {} in {} B, out {} B, {} ms{}", record.id, record.remote_address,
                     record.method.empty() ? "-" : record.method, dump(shown_path(record)),
                     record.status, record.received_bytes, record.sent_bytes,
                     record.duration.count(), record.is_complete ? "" : ", client gone or cut off");
}

std::string answer_line(const api::AnswerRecord& record, bool is_json) {
  const api::Spending& spent = record.spending;
  const auto first_token_ms = static_cast<int64_t>(spent.first_token_s * 1000);
  if (is_json) {
    return json_fields({{"event", "answer"},
                        {"request", record.id},
                        {"key", record.key_name},
                        {"endpoint", record.endpoint},
                        {"model", record.model},
                        {"prompt_tokens", spent.prompt_tokens},
                        {"cached_tokens", spent.cached_tokens},
                        {"completion_tokens", spent.completion_tokens},
                        {"first_token_ms", first_token_ms},
                        {"cost_usd", record.cost_usd},
                        {"outcome", record.outcome}});
  }
  return fmt::format(
      "{} {} ended ({}), key {}, model {}: {} tokens in, {} of them cached, {} out, first after {} "
      "ms, {} USD",
      record.id, record.endpoint, record.outcome,
      record.key_name.empty() ? "-" : dump(record.key_name), dump(record.model),
      spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens, first_token_ms,
      record.cost_usd);
}

struct ServiceLog::State {
  explicit State(bool json)
      : is_json(json),
        writer(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger(std::make_shared<spdlog::async_logger>(
            "serve", std::make_shared<spdlog::sinks::stderr_sink_mt>(), writer,
            spdlog::async_overflow_policy::overrun_oldest)) {}
  ~State() { writer.reset(); }  // its thread ends before that goes to which it writes
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void line(spdlog::level::level_enum level, std::string_view event, const Json& fields,
            std::string_view words) {
    if (is_json) {
      Json all = {{"event", event}};
      all.update(fields);
      logger->log(level, json_fields(all));
    } else {
      logger->log(level, words);
    }
  }

  bool is_json;
  std::shared_ptr<spdlog::details::thread_pool> writer;
  std::shared_ptr<spdlog::async_logger> logger;  // shared, for it asks for itself
};

ServiceLog::ServiceLog(bool is_json) : state_(std::make_unique<State>(is_json)) {
  constexpr auto kUtc = spdlog::pattern_time_type::utc;
  state_->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      is_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)"
              : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      kUtc));
}

ServiceLog::~ServiceLog() = default;

void ServiceLog::exchange(const http::ExchangeRecord& record) {
  state_->logger->log(spdlog::level::info, exchange_line(record, state_->is_json));
}

void ServiceLog::answer(const api::AnswerRecord& record) {
  state_->logger->log(spdlog::level::info, answer_line(record, state_->is_json));
}

void ServiceLog::failure(std::string_view request_id, std::string_view reason) {
  state_->line(spdlog::level::err, "failure", {{"request", request_id}, {"reason", reason}},
               fmt::format("{} failed: {}", request_id, reason));
}

void ServiceLog::listening(std::string_view url, std::string_view model_dir,
                           std::string_view keys) {
  state_->line(spdlog::level::info, "listening",
               {{"url", url}, {"model", model_dir}, {"keys", keys}},
               fmt::format("{} serves {}, keys: {}", url, model_dir, keys));
}

void ServiceLog::event(std::string_view text) {
  state_->line(spdlog::level::info, "server", {{"text", text}}, text);
}

void ServiceLog::warning(std::string_view text) {
  state_->line(spdlog::level::warn, "server", {{"text", text}}, text);
}

void ServiceLog::error(std::string_view text) {
  state_->line(spdlog::level::err, "server", {{"text", text}}, text);
}

}  // namespace levin::serve
