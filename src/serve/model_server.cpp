#include "serve/model_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "serve/accounts/accounts.h"
#include "serve/api/service.h"
#include "serve/descriptor_limit.h"
#include "serve/http/server.h"
#include "serve/service_log.h"
#include "serve/site_routes.h"

namespace levin::serve {
namespace {

/// Besides connections: model files, accounts, the page cache on disk, the log.
constexpr int64_t kOtherDescriptors = 128;
/// After the end of draining: for the last events of answers that were cut short.
constexpr std::chrono::seconds kLastWords{2};

accounts::Prices prices_of(const ServerConfig& config) {
  return {.cache_hit_token = accounts::parse_token_price(config.price_cache_hit),
          .cache_miss_token = accounts::parse_token_price(config.price_cache_miss),
          .completion_token = accounts::parse_token_price(config.price_output)};
}

std::unique_ptr<accounts::Accounts> open_accounts(const ServerConfig& config,
                                                  const std::string& file) {
  if (file.empty()) {
    return nullptr;
  }
  accounts::AccountsOptions options;
  options.path = file;
  options.prices = prices_of(config);
  return std::make_unique<accounts::Accounts>(std::move(options));
}

http::Limits limits_of(const ServerConfig& config, ServiceLog& log) {
  http::Limits limits;
  const int64_t wanted = config.max_connections + kOtherDescriptors;
  const int64_t allowed = raise_descriptor_limit(wanted);
  limits.max_connections = static_cast<size_t>(config.max_connections);
  if (allowed < wanted) {
    limits.max_connections = static_cast<size_t>(std::max<int64_t>(1, allowed - kOtherDescriptors));
    log.warning(fmt::format(
        "the system lets this process open {} files and sockets (ulimit -n), so at most {} "
        "connections instead of {}; raise the limit to at least {}",
        allowed, limits.max_connections, config.max_connections, wanted));
  }
  limits.max_connections_per_address = static_cast<size_t>(config.max_connections_per_address);
  limits.max_header_bytes = static_cast<size_t>(config.max_header_kib) << 10;
  limits.max_body_bytes = static_cast<size_t>(config.max_body_mib) << 20;
  limits.max_arriving_bytes_per_client =
      std::max(limits.max_arriving_bytes_per_client, limits.max_body_bytes);
  limits.max_arriving_bytes =
      std::max(limits.max_arriving_bytes, 2 * limits.max_arriving_bytes_per_client);
  limits.header_time = std::chrono::seconds(config.header_seconds);
  limits.body_time = std::chrono::seconds(config.body_seconds);
  limits.idle_time = std::chrono::seconds(config.idle_seconds);
  limits.lag_time = std::chrono::seconds(config.lag_seconds);
  limits.keep_alive_interval = std::chrono::seconds(config.keep_alive_seconds);
  return limits;
}

http::ServerOptions server_options(const ServerConfig& config, const http::Limits& limits,
                                   ServiceLog& log, const std::atomic<api::Service*>& service) {
  http::ServerOptions options;
  options.address = config.host;
  options.port = static_cast<uint16_t>(config.port);
  options.allowed_hosts = config.allowed_hosts;
  options.cors_origins = config.cors_origins;
  options.tls_cert_file = config.tls_cert;
  options.tls_key_file = config.tls_key;
  options.limits = limits;
  options.on_exchange = [&log, &service](const http::ExchangeRecord& record) {
    log.exchange(record);
    if (api::Service* counting = service.load(); counting != nullptr && !record.is_handled) {
      counting->count_refusal(record.status);
    }
  };
  options.on_turned_away = [&log](size_t connections) {
    log.warning(
        fmt::format("connections that found no room: {} (max_connections, "
                    "max_connections_per_address)",
                    connections));
  };
  options.on_failure = [&log](std::string_view id, std::string_view reason) {
    log.failure(id, reason);
  };
  return options;
}

api::ServiceOptions service_options(const ServerConfig& config, const std::string& model_dir,
                                    ServiceLog& log) {
  api::ServiceOptions options;
  options.model_dir = model_dir;
  options.model_name = config.model_name;
  options.host.max_waiting = config.max_waiting;
  options.prices = prices_of(config);
  options.api_keys = config.api_keys;
  options.max_lag = std::chrono::seconds(config.lag_seconds);
  options.on_answer = [&log](const api::AnswerRecord& record) { log.answer(record); };
  return options;
}

/// While a server runs, what the engine and the accounts have to say goes into its log.
class LogRedirection {
 public:
  explicit LogRedirection(ServiceLog& log) {
    base::set_log_sink([&log](base::LogLevel level, std::string_view message) {
      if (level >= base::LogLevel::kError) {
        log.error(message);
      } else if (level >= base::LogLevel::kWarning) {
        log.warning(message);
      } else {
        log.event(message);
      }
    });
  }
  ~LogRedirection() { base::set_log_sink({}); }
  LogRedirection(const LogRedirection&) = delete;
  LogRedirection& operator=(const LogRedirection&) = delete;
};

}  // namespace

std::string accounts_file(const ServerConfig& config) {
  if (config.accounts == "none") {
    return {};
  }
  std::error_code ignored;
  if (!std::filesystem::exists(config.accounts, ignored)) {
    throw base::Error(base::ErrorCode::kNotFound,
                      "no accounts file is there; `levin keys create` makes one", config.accounts);
  }
  return config.accounts;
}

/// Members are destroyed from the last to the first: the server stops calling handlers first.
struct ModelServer::State {
  explicit State(const ServerConfig& given)
      : config(given),
        file(accounts_file(config)),
        log(config.is_json_log),
        accounts(open_accounts(config, file)),
        server(server_options(config, limits, log, counting), loading_routes()) {}

  static http::Router loading_routes() {
    http::Router router;
    add_loading_routes(router);
    return router;
  }

  http::Router serving_routes() {
    http::Router router;
    service->add_routes(router);
    add_site_routes(router, [this] { return is_draining.load(); });
    return router;
  }

  const ServerConfig config;
  const std::string file;  // of the accounts; empty: none
  ServiceLog log;
  const LogRedirection redirection{log};
  const http::Limits limits = limits_of(config, log);
  std::unique_ptr<accounts::Accounts> accounts;
  std::unique_ptr<api::Service> service;          // null until there is a model
  std::atomic<api::Service*> counting = nullptr;  // the same, for the network thread
  std::atomic<bool> is_draining = false;
  http::Server server;
};

ModelServer::ModelServer(const ServerConfig& config) {
  check_config(config, !accounts_file(config).empty());
  state_ = std::make_unique<State>(config);
}

void ModelServer::serve(std::unique_ptr<runtime::Engine> engine, const std::string& model_dir) {
  State& state = *state_;
  api::ServiceOptions options = service_options(state.config, model_dir, state.log);
  options.connections = [&server = state.server] {
    return api::ConnectionCounts{.open = server.connections(), .refused = server.turned_away()};
  };
  state.service = std::make_unique<api::Service>(std::move(engine), options, state.accounts.get());
  state.counting = state.service.get();
  state.server.set_routes(state.serving_routes());
  if (state.config.is_json_log) {
    state.log.listening(url(), model_dir, keys());
  }
}

ModelServer::~ModelServer() = default;

std::string ModelServer::url() const {
  const ServerConfig& config = state_->config;
  std::string host = config.host == "0.0.0.0" || config.host == "::" ? "localhost" : config.host;
  if (host.find(':') != std::string::npos) {
    host = "[" + host + "]";
  }
  return fmt::format("{}://{}:{}", config.tls_cert.empty() ? "http" : "https", host,
                     state_->server.port());
}

std::string ModelServer::keys() const {
  const ServerConfig& config = state_->config;
  return !state_->file.empty()      ? "from " + state_->file
         : !config.api_keys.empty() ? fmt::format("{} from the settings", config.api_keys.size())
         : is_loopback_host(config.host) ? "none needed, this machine only"
                                         : "none needed: everybody may use the model (--insecure)";
}

std::string ModelServer::greeting() const {
  const ServerConfig& config = state_->config;
  return fmt::format(
      "chat page   {0}/\n"
      "API         {0}/v1 (chat/completions, completions, models; OpenAI's and DeepSeek's form)\n"
      "keys        {1}\n"
      "limits      {2} requests waiting, {3} connections, bodies up to {4} MiB\n"
      "stop        Ctrl-C; running answers get {5} s to end",
      url(), keys(), config.max_waiting, state_->limits.max_connections, config.max_body_mib,
      config.drain_seconds);
}

int64_t ModelServer::drain() {
  state_->is_draining = true;
  state_->log.event("stopping: no new connections, running answers may end");
  const std::chrono::seconds limit(state_->config.drain_seconds);
  // The service ends what runs too long with a finish reason; connections get time to carry it.
  std::future<int64_t> answers = std::async(std::launch::async, [this, limit] {
    return state_->service == nullptr ? 0 : state_->service->drain(limit);
  });
  const size_t unsent = state_->server.drain(limit + kLastWords);
  const int64_t cut_off = answers.get();
  state_->log.event(fmt::format(
      "stopped: {} answers cut off, {} connections closed within an answer", cut_off, unsent));
  return cut_off;
}

}  // namespace levin::serve
