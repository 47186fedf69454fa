#include "service_fixture.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "formats/temporary_folder.h"

namespace levin::serve::api::testing {
namespace {

/// What the tokenizer of V3.1 has beside the markers of users and assistants.
const std::vector<std::string> kMarkup{"<think>",
                                       "</think>",
                                       "<｜fim▁hole｜>",
                                       "<｜fim▁begin｜>",
                                       "<｜fim▁end｜>",
                                       "<｜tool▁calls▁begin｜>",
                                       "<｜tool▁calls▁end｜>",
                                       "<｜tool▁call▁begin｜>",
                                       "<｜tool▁call▁end｜>",
                                       "<｜tool▁output▁begin｜>",
                                       "<｜tool▁output▁end｜>",
                                       "<｜tool▁sep｜>"};

/// Takes the words of the last merges out and gives their ids to the markup.
void replace_last_words(nlohmann::ordered_json& tokenizer) {
  auto& vocab = tokenizer["model"]["vocab"];
  auto& merges = tokenizer["model"]["merges"];
  for (const std::string& markup : kMarkup) {
    const auto last = std::max_element(vocab.begin(), vocab.end());
    const int id = last->get<int>();
    vocab.erase(last.key());
    merges.erase(merges.size() - 1);
    tokenizer["added_tokens"].push_back({{"id", id},
                                         {"content", markup},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", true},
                                         {"special", false}});
  }
}

void write(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

void fill_tools_folder(const std::filesystem::path& folder) {
  const std::filesystem::path mini = mini_folder();
  for (const char* name : {"config.json", "model.safetensors"}) {
    std::filesystem::create_symlink(mini / name, folder / name);
  }
  std::ifstream file(mini / "tokenizer.json");
  auto tokenizer = nlohmann::ordered_json::parse(file);
  const bool has_markup = tokenizer.dump().find("</think>") != std::string::npos;
  if (!has_markup) {
    replace_last_words(tokenizer);
  }
  write(folder / "tokenizer.json", tokenizer.dump());
  write(folder / "tokenizer_config.json", R"({"chat_template": "that of V3.1"})");
}

}  // namespace

std::string mini_folder() { return std::string(LEVIN_SOURCE_DIR) + "/models/mini"; }

const std::string& tools_folder() {
  static const levin::testing::TemporaryFolder folder;
  static const std::string path = [] {
    fill_tools_folder(folder.path());
    return std::string(folder.path());
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
                                                      .host = {.max_waiting = options.max_waiting},
                                                      .prices = {},
                                                      .api_keys = options.api_keys,
                                                      .connections = options.connections},
                                       options.accounts);
  service_->add_routes(router_);
}

ResponderPtr ServiceFixture::start(const std::string& method, const std::string& path,
                                   const std::string& body, const http::Headers& headers) {
  auto responder = std::make_shared<RecordingResponder>();
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
  return responder;
}

ResponderPtr ServiceFixture::ask(const std::string& method, const std::string& path,
                                 const std::string& body, const http::Headers& headers) {
  ResponderPtr responder = start(method, path, body, headers);
  responder->wait();
  return responder;
}

Json chat_body() {
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

}  // namespace levin::serve::api::testing
