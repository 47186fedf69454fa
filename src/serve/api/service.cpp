#include "serve/api/service.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "serve/api/api_error.h"
#include "serve/api/caller.h"
#include "serve/api/chat_endpoint.h"
#include "serve/api/completion_endpoint.h"
#include "serve/api/dispatcher.h"
#include "serve/api/info_endpoints.h"
#include "serve/api/metrics.h"
#include "serve/api/served_model.h"
#include "serve/api/worker.h"

namespace levin::serve::api {
namespace {

using ResponderPtr = std::shared_ptr<http::Responder>;

// The paths of DeepSeek's API and of OpenAI's; "beta" is where DeepSeek has prefix completion,
// strict tools and FIM, which are there under every path.
constexpr std::string_view kPrefixes[] = {"", "/v1", "/beta"};

constexpr std::string_view kBelow = "/*";

/// The name in metrics: what lies below a path counts with it.
std::string endpoint_of(std::string_view path) {
  return std::string(path.substr(0, path.size() - (path.ends_with(kBelow) ? kBelow.size() : 0)));
}

/// "mini" of "/v1/models/mini".
std::string_view model_of_path(std::string_view path) {
  constexpr std::string_view kModels = "/models/";
  return path.substr(path.find(kModels) + kModels.size());
}

}  // namespace

/// Members are destroyed from the last to the first: the host ends its jobs before what they use.
struct Service::State {
  State(std::unique_ptr<runtime::Engine> engine, const ServiceOptions& options,
        accounts::Accounts* service_accounts)
      : accounts(service_accounts),
        keys(options.api_keys),
        connections(options.connections),
        model(load_served_model({.model_dir = options.model_dir,
                                 .name = options.model_name,
                                 .context_tokens = engine->context_tokens(),
                                 .is_sparse = engine->transformer().is_sparse()})),
        services{.worker = worker,
                 .metrics = metrics,
                 .prices = options.prices,
                 .on_answer = options.on_answer,
                 .max_lag = options.max_lag},
        host(std::move(engine), options.host),
        dispatcher(host, model, accounts, services) {}

  accounts::Accounts* accounts;
  const accounts::FixedKeys keys;
  const std::function<ConnectionCounts()> connections;
  ServedModel model;
  Metrics metrics;
  Worker worker;
  ReplyServices services;
  EngineHost host;
  Dispatcher dispatcher;

  [[nodiscard]] Caller caller_of(const http::Request& request) const {
    return authenticate(accounts, keys, request);
  }
  template <typename Answer>
  [[nodiscard]] http::Handler guarded(std::string endpoint, Answer answer);
  [[nodiscard]] http::Response metrics_response(const http::Request& request) const;
};

/// A handler that turns what `answer` throws into an error body, and counts it.
template <typename Answer>
http::Handler Service::State::guarded(std::string endpoint, Answer answer) {
  return [this, endpoint = std::move(endpoint), answer = std::move(answer)](
             http::Request request, ResponderPtr responder) {
    const auto refuse = [&](const ApiError& error) {
      metrics.count_request(endpoint, error.status());
      responder->send(error_response(error));
    };
    try {
      answer(request, responder);
    } catch (const ApiError& error) {
      refuse(error);
    } catch (const base::Error& error) {
      if (http::http_status(error.code()) == 500) {
        metrics.count_request(endpoint, 500);
        throw;  // the server logs it with the request's id
      }
      refuse(to_api_error(error));
    } catch (const std::exception&) {
      metrics.count_request(endpoint, 500);
      throw;
    }
  };
}

http::Response Service::State::metrics_response(const http::Request& request) const {
  if (!request.is_loopback) {
    (void)caller_of(request);
  }
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body =
      metrics.to_text({.engine = host.stats(),
                       .connections = connections ? std::optional(connections()) : std::nullopt});
  return response;
}

Service::Service(std::unique_ptr<runtime::Engine> engine, const ServiceOptions& options,
                 accounts::Accounts* accounts)
    : state_(std::make_unique<State>(std::move(engine), options, accounts)) {}

Service::~Service() = default;

void Service::add_routes(http::Router& router) {
  State& state = *state_;
  const auto add = [&](const char* method, const std::string& path, auto answer,
                       http::Lane lane = http::Lane::kHandlers) {
    const http::Handler handler = state.guarded(endpoint_of(path), std::move(answer));
    for (const std::string_view prefix : kPrefixes) {
      router.add(method, std::string(prefix) + "/" + path, handler, lane);
    }
  };
  const auto add_answer = [&](const char* path, auto answer) {
    add("POST", path, [&state, answer](const http::Request& request, ResponderPtr responder) {
      const Caller caller = state.caller_of(request);
      state.dispatcher.check_open(caller);  // before the body is looked at
      answer(request, std::move(responder), caller, state.model, state.dispatcher);
    });
  };
  add_answer("chat/completions", answer_chat);
  add_answer("completions", answer_completion);
  const auto add_body = [&](const char* method, const std::string& path, http::Lane lane,
                            auto body) {
    add(
        method, path,
        [&state, endpoint = endpoint_of(path), body](const http::Request& request,
                                                     const ResponderPtr& responder) {
          http::Response response;
          response.body = body(request, state.caller_of(request), *responder);
          state.metrics.count_request(endpoint, response.status);
          responder->send(std::move(response));
        },
        lane);
  };
  using http::Lane;
  using http::Request;
  using http::Responder;
  add_body("GET", "models", Lane::kHandlers,
           [&state](const Request&, const Caller&, const Responder&) {
             return models_body(state.model);
           });
  add_body("GET", "models/*", Lane::kHandlers,
           [&state](const Request& request, const Caller&, const Responder&) {
             return model_body(state.model, model_of_path(request.path));
           });
  add_body("GET", "user/balance", Lane::kHandlers,
           [&state](const Request&, const Caller& caller, const Responder&) {
             return balance_body(state.accounts, caller);
           });
  add_body("POST", "tokenize", Lane::kSlow,
           [&state](const Request& request, const Caller&, const Responder& responder) {
             return tokenize_body(request.body, state.model, responder);
           });
  add_body("POST", "detokenize", Lane::kSlow,
           [&state](const Request& request, const Caller&, const Responder&) {
             return detokenize_body(request.body, state.model);
           });
  add("GET", "metrics", [&state](const http::Request& request, const ResponderPtr& responder) {
    responder->send(state.metrics_response(request));
  });
}

int64_t Service::drain(std::chrono::milliseconds patience) { return state_->host.drain(patience); }

void Service::count_refusal(int status) { state_->metrics.count_request("other", status); }

EngineHostStats Service::stats() const { return state_->host.stats(); }

}  // namespace levin::serve::api
