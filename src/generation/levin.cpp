#include "levin/levin.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "generation/generator.h"
#include "generation/prompt_ids.h"
#include "runtime/engine.h"
#include "runtime/session.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin {
namespace {

using base::ErrorCode;

// Each pair of enums lists the same names; a switch would only repeat them.
static_assert(static_cast<int>(Attention::kSparse) ==
              static_cast<int>(model::AttentionMode::kSparse));
static_assert(static_cast<int>(Numerics::kReference) ==
              static_cast<int>(model::Numerics::kReference));
static_assert(static_cast<int>(WeightStorage::kInt8) ==
              static_cast<int>(model::WeightEncoding::kInt8));
static_assert(static_cast<int>(Finish::kCancelled) ==
              static_cast<int>(runtime::FinishReason::kCancelled));

runtime::EngineOptions to_engine_options(const ModelOptions& options) {
  runtime::EngineOptions engine;
  engine.threads = options.threads;
  engine.context_tokens = options.context_tokens;
  engine.forward.attention = static_cast<model::AttentionMode>(options.attention);
  engine.forward.numerics = static_cast<model::Numerics>(options.numerics);
  engine.load.encoding = static_cast<model::WeightEncoding>(options.weights);
  return engine;
}

runtime::SamplingParams to_sampling(const GenerateOptions& options) {
  runtime::SamplingParams sampling;
  sampling.temperature = options.temperature;
  sampling.top_k = options.top_k;
  sampling.top_p = options.top_p;
  sampling.min_p = options.min_p;
  sampling.repetition_penalty = options.repetition_penalty;
  sampling.frequency_penalty = options.frequency_penalty;
  sampling.presence_penalty = options.presence_penalty;
  sampling.seed = options.seed;
  return sampling;
}

Answer to_answer(generation::GenerationResult result, std::vector<float> logprobs) {
  if (result.finish == runtime::FinishReason::kError) {
    throw std::runtime_error(result.error);
  }
  Answer answer;
  answer.finish = static_cast<Finish>(result.finish);
  answer.prompt_tokens = result.prompt_tokens;
  answer.cached_prompt_tokens = result.cached_prompt_tokens;
  answer.time_to_first_token_s = result.time_to_first_token_s;
  answer.decode_tokens_per_s = result.decode_tokens_per_s();
  answer.share_of_context_read = result.share_of_context_read();
  answer.text = std::move(result.text);
  answer.tokens = std::move(result.tokens);
  answer.logprobs = std::move(logprobs);
  return answer;
}

text::Conversation to_conversation(const std::vector<Message>& messages) {
  text::Conversation conversation;
  for (const Message& message : messages) {
    const std::optional<text::Role> role = text::role_from_name(message.role);
    if (!role.has_value()) {
      base::throw_error(ErrorCode::kInvalidArgument, "message",
                        "\"system\", \"user\" or \"assistant\" expected as role, got \"{}\"",
                        message.role);
    }
    text::ChatMessage chat_message;
    chat_message.role = *role;
    chat_message.content = message.content;
    conversation.messages.push_back(std::move(chat_message));
  }
  return conversation;
}

}  // namespace

struct Model::State {
  std::string model_dir;
  std::unique_ptr<runtime::Engine> engine;
  std::optional<text::Tokenizer> tokenizer;  // none: the folder has no tokenizer.json

  [[nodiscard]] const text::Tokenizer& require_tokenizer() const {
    if (!tokenizer.has_value()) {
      throw base::Error(ErrorCode::kNotFound,
                        "the folder has no tokenizer.json, so the model takes token ids only",
                        model_dir);
    }
    return *tokenizer;
  }
};

Model::Model(std::unique_ptr<State> state) : state_(std::move(state)) {}
Model::~Model() = default;
Model::Model(Model&& other) noexcept = default;
Model& Model::operator=(Model&& other) noexcept = default;

Model Model::load(const std::string& model_dir, const ModelOptions& options) {
  auto state = std::make_unique<State>();
  state->model_dir = model_dir;
  if (base::exists((std::filesystem::path(model_dir) / "tokenizer.json").string())) {
    state->tokenizer.emplace(text::Tokenizer::load(model_dir));
  }
  state->engine = runtime::Engine::load(model_dir, to_engine_options(options));
  return Model(std::move(state));
}

int64_t Model::vocab_size() const { return state_->engine->config().vocab_size; }

int64_t Model::context_tokens() const { return state_->engine->context_tokens(); }

std::vector<int32_t> Model::tokenize(std::string_view text) const {
  return generation::text_prompt(state_->require_tokenizer(), text).ids;
}

std::string Model::detokenize(const std::vector<int32_t>& tokens) const {
  return state_->require_tokenizer().decode(tokens);
}

std::vector<float> Model::logits(const std::vector<int32_t>& tokens) {
  // Chunks bound the memory of activations; they do not change the bits.
  constexpr size_t kChunkTokens = 512;
  runtime::Session session(*state_->engine, static_cast<int64_t>(tokens.size()));
  std::vector<float> all;
  all.reserve(tokens.size() * static_cast<size_t>(vocab_size()));
  std::span<const int32_t> rest(tokens);
  while (!rest.empty()) {
    const auto chunk = rest.first(std::min(kChunkTokens, rest.size()));
    const auto rows = session.append(chunk, false, model::LogitsWanted::kAll).view();
    all.insert(all.end(), rows.data(), rows.data() + rows.size());
    rest = rest.subspan(chunk.size());
  }
  return all;
}

Answer Model::generate(const std::vector<int32_t>& prompt, const GenerateOptions& options,
                       const OnText& on_text) {
  generation::GenerationRequest request;
  request.prompt = prompt;
  request.sampling = to_sampling(options);
  request.max_new_tokens = options.max_new_tokens;
  request.stop = options.stop;
  std::vector<float> logprobs;
  auto on_delta = [&](const generation::Delta& delta) {
    if (delta.token.has_value()) {
      logprobs.push_back(delta.token->logprob);
    }
    return delta.text.empty() || !on_text || on_text(delta.text);
  };
  const text::Tokenizer* tokenizer = state_->tokenizer ? &*state_->tokenizer : nullptr;
  auto result = generation::generate(*state_->engine, tokenizer, request, on_delta);
  return to_answer(std::move(result), std::move(logprobs));
}

Answer Model::generate(std::string_view prompt, const GenerateOptions& options,
                       const OnText& on_text) {
  return generate(tokenize(prompt), options, on_text);
}

Answer Model::chat(const std::vector<Message>& messages, const GenerateOptions& options,
                   const OnText& on_text) {
  const text::Tokenizer& tokenizer = state_->require_tokenizer();
  const text::ChatStyle style = text::choose_chat_style(state_->model_dir, tokenizer);
  return generate(generation::chat_prompt(tokenizer, to_conversation(messages), {}, style).ids,
                  options, on_text);
}

}  // namespace levin
