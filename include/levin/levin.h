// Levin as a library: load a checkpoint, run tokens, generate.
//
//   levin::Model model = levin::Model::load("models/mini");
//   levin::Answer answer = model.chat(
//       {{"system", "The code of Ann is 48."}, {"user", "What is the code of Ann?"}}, {},
//       [](std::string_view text) { std::cout << text; return true; });
//
// Every function throws std::runtime_error with one sentence that says what is wrong, where, and
// what to do. A Model is used by one thread at a time; its own threads do the work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace levin {

/// Which tokens attention reads: what the checkpoint says, all of them, or the indexer's selection.
enum class Attention { kAuto, kDense, kSparse };

/// kFast: bf16 activations; kReference: the roundings of the official kernels, slowly.
enum class Numerics { kFast, kReference };

/// kAsIs: the file's own bytes, mapped; kInt8: large matrices re-encoded in memory (groups of 64).
enum class WeightStorage { kAsIs, kInt8 };

struct ModelOptions {
  int threads = 0;             ///< 0: one per usable core
  int64_t context_tokens = 0;  ///< longest sequence; 0: the model's limit
  Attention attention = Attention::kAuto;
  Numerics numerics = Numerics::kFast;
  WeightStorage weights = WeightStorage::kAsIs;
};

struct GenerateOptions {
  int64_t max_new_tokens = 0;  ///< 0: until the context is full
  double temperature = 0.0;    ///< 0: always the likeliest token
  int64_t top_k = 0;           ///< 0: off
  double top_p = 1.0;          ///< 1: off
  double min_p = 0.0;          ///< 0: off
  double repetition_penalty = 1.0;
  double frequency_penalty = 0.0;
  double presence_penalty = 0.0;
  uint64_t seed = 0;                   ///< equal seeds give equal answers
  std::vector<std::string> stop = {};  ///< texts that end the answer; not part of it
};

/// One message of a conversation.
struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// Why an answer ended: end of sequence or a stop text, the length limit, or the caller.
enum class Finish { kStop, kLength, kCancelled };

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;  ///< the end-of-sequence token included
  std::vector<float> logprobs;  ///< of each token, under the model's own distribution
  Finish finish = Finish::kStop;
  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;  ///< of these, reused from earlier prompts
  double time_to_first_token_s = 0;
  double decode_tokens_per_s = 0;
  double share_of_context_read = 0;  ///< cache rows read / rows that dense attention would read
};

/// Called with each piece of an answer, whole characters; false stops the answer.
using OnText = std::function<bool(std::string_view text)>;

class Model {
 public:
  /// Loads a folder with config.json, safetensors files and (for text) tokenizer.json.
  static Model load(const std::string& model_dir, const ModelOptions& options = {});
  ~Model();
  Model(Model&& other) noexcept;
  Model& operator=(Model&& other) noexcept;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  [[nodiscard]] int64_t vocab_size() const;
  /// Longest sequence, prompt and answer together.
  [[nodiscard]] int64_t context_tokens() const;

  /// Ids of a text, behind the beginning-of-sequence token if the tokenizer has one.
  [[nodiscard]] std::vector<int32_t> tokenize(std::string_view text) const;
  /// Text of ids, special tokens included.
  [[nodiscard]] std::string detokenize(const std::vector<int32_t>& tokens) const;

  /// Logits after every token, row by row: [tokens, vocab_size].
  [[nodiscard]] std::vector<float> logits(const std::vector<int32_t>& tokens);

  /// Continues a prompt of token ids; works without a tokenizer (the text is then empty).
  [[nodiscard]] Answer generate(const std::vector<int32_t>& prompt,
                                const GenerateOptions& options = {}, const OnText& on_text = {});
  /// Continues a text.
  [[nodiscard]] Answer generate(std::string_view prompt, const GenerateOptions& options = {},
                                const OnText& on_text = {});
  /// Answers a conversation in the chat encoding that the model folder asks for.
  [[nodiscard]] Answer chat(const std::vector<Message>& messages,
                            const GenerateOptions& options = {}, const OnText& on_text = {});

 private:
  struct State;
  explicit Model(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace levin
