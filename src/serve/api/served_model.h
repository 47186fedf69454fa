// The one model that a server answers with, as its requests may name and use it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "generation/constraint_mask.h"
#include "model/config.h"
#include "runtime/sampler.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::serve::api {

/// Immutable after loading; threads may share it.
struct ServedModel {
  std::string name;  ///< in /models; further names in model_names
  model::Config config;
  text::Tokenizer tokenizer;
  text::ChatStyle style = text::ChatStyle::kPlain;
  int64_t context_tokens = 0;  ///< prompt and answer together
  bool is_sparse = false;      ///< attention reads a selection beyond index_topk tokens
  int64_t created_unix_s = 0;
  /// Ids that may be drawn; null: all. Shared by the requests, because a mask is large.
  std::shared_ptr<const runtime::TokenMask> known_tokens;
  /// What constraints on answers share.
  std::shared_ptr<const generation::ConstraintVocabulary> vocabulary;
};

struct ServedModelOptions {
  std::string model_dir;
  std::string name;  ///< empty: the folder's name
  int64_t context_tokens = 0;
  bool is_sparse = false;
};

/// Reads config and tokenizer of the folder. Throws base::Error naming the file.
[[nodiscard]] ServedModel load_served_model(const ServedModelOptions& options);

/// True if the model's chat encoding has a thinking mode and tools.
[[nodiscard]] bool can_think(const ServedModel& model);

/// What a request asks for by the name of its model.
struct ModelName {
  bool is_thinking = false;  ///< deepseek-reasoner
  bool is_dense = false;     ///< attend densely; always so on a model without a selection
};

/// What /models lists: the name and those of the aliases deepseek-chat and deepseek-reasoner that
/// the model can serve; then, if its attention reads a selection, each of them with ":dense" behind
/// it.
[[nodiscard]] std::vector<std::string> model_names(const ServedModel& model);

/// Takes ":dense" also on a model that attends densely anyway. Throws ApiError: 400 for a model
/// that is not served here, 422 for deepseek-reasoner on a model without thinking.
[[nodiscard]] ModelName resolve_model_name(const ServedModel& model, std::string_view name);

/// "dense" or "sparse".
[[nodiscard]] std::string_view attention_name(const ModelName& name) noexcept;

}  // namespace levin::serve::api
