#include "service_fixture.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "formats/temporary_folder.h"

namespace levin::serve::api::testing {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

/// Makes `folder` a copy of mini that spells `markup` otherwise; returns its path.
std::string respelt_mini(const std::filesystem::path& folder,
                         const std::vector<std::string>& markup) {
  const std::filesystem::path mini = mini_model();
  for (const char* name : {"config.json", "model.safetensors", "tokenizer_config.json"}) {
    std::filesystem::create_symlink(mini / name, folder / name);
  }
  std::string tokenizer = content_of(mini / "tokenizer.json");
  for (const std::string& mark : markup) {
    for (size_t place = 0; (place = tokenizer.find(mark, place)) != std::string::npos;) {
      tokenizer.replace(place, mark.size(), "x" + mark);
      place += mark.size() + 1;
    }
  }
  std::ofstream(folder / "tokenizer.json", std::ios::binary) << tokenizer;
  return folder;
}

}  // namespace

const std::string& unmarked_folder() {
  static const levin::testing::TemporaryFolder folder;
  static const std::string path = respelt_mini(folder.path(), {"think>", "｜fim", "｜tool"});
  return path;
}

const std::string& markerless_folder() {
  static const levin::testing::TemporaryFolder folder;
  static const std::string path =
      respelt_mini(folder.path(), {"think>", "｜fim", "｜tool", "｜User", "｜Assistant"});
  return path;
}

std::string dsml_folder() {
  static const levin::testing::TemporaryFolder folder;
  static const std::string path = [] {
    const std::filesystem::path root(std::string(folder.path()));
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
      std::filesystem::create_symlink(std::filesystem::path(mini_model()) / name, root / name);
    }
    std::filesystem::create_directory(root / "encoding");
    return root.string();
  }();
  return path;
}

ServiceFixture::ServiceFixture(const ServiceFixtureOptions& options) {
  runtime::EngineOptions engine;
  engine.threads = 1;
  engine.forward.measures_time = true;
  engine.forward.attention = options.attention;
  engine.context_tokens = options.context_tokens;
  const auto page_bytes =
      runtime::Engine::load(options.model_dir, engine)->cache_stats().page_bytes;
  engine.cache_bytes = page_bytes * options.cache_tokens / 64;
  service_ = std::make_unique<Service>(runtime::Engine::load(options.model_dir, engine),
                                       ServiceOptions{.model_dir = options.model_dir,
                                                      .model_name = "mini",
                                                      .host = options.host,
                                                      .prices = {},
                                                      .api_keys = options.api_keys,
                                                      .connections = options.connections},
                                       options.accounts);
  service_->add_routes(router_);
}

void ServiceFixture::hand_over(const std::string& method, const std::string& path,
                               const std::string& body, const http::Headers& headers,
                               const ResponderPtr& responder) {
  const http::Router::Match match = router_.find(method, path);
  EXPECT_NE(match.handler, nullptr) << method << ' ' << path;
  http::Request request;
  request.id = "request-" + std::to_string(++requests_);
  request.method = method;
  request.path = path;
  request.headers = headers;
  request.body = body;
  request.is_loopback = is_loopback_;
  (*match.handler)(std::move(request), responder);
}

ResponderPtr ServiceFixture::start(const std::string& method, const std::string& path,
                                   const std::string& body, const http::Headers& headers) {
  auto responder = std::make_shared<RecordingResponder>();
  hand_over(method, path, body, headers, responder);
  return responder;
}

ResponderPtr ServiceFixture::start_unread(const std::string& path, const json& body,
                                          const http::Headers& headers) {
  auto responder = std::make_shared<RecordingResponder>();
  responder->set_reading(false);
  hand_over("POST", path, body.dump(), headers, responder);
  return responder;
}

ResponderPtr ServiceFixture::ask(const std::string& method, const std::string& path,
                                 const std::string& body, const http::Headers& headers) {
  ResponderPtr responder = start(method, path, body, headers);
  responder->wait();
  return responder;
}

json chat_body() {
  return {{"model", "deepseek-chat"},
          {"temperature", 0},
          {"max_tokens", 40},
          {"messages",
           {{{"role", "system"},
             {"content",
              "She had been forced into prudence in her youth, she learned romance as she grew "
              "older. The code of Wentworth is 907. The natural sequel of an unnatural beginning. "
              "The city of Zoe is saints. With all these circumstances, recollections and "
              "feelings, she could not hear it."}},
            {{"role", "user"}, {"content", "What is the city of Zoe?"}}}}};
}

json long_chat_body(int64_t max_tokens) {
  json body = chat_body();
  body["stream"] = true;
  body["max_tokens"] = max_tokens;
  // Each item takes a token at least.
  body["response_format"] = {
      {"type", "json_schema"},
      {"json_schema",
       {{"name", "truths"},
        {"schema",
         {{"type", "array"}, {"items", {{"type", "boolean"}}}, {"minItems", max_tokens}}}}}};
  return body;
}

}  // namespace levin::serve::api::testing
