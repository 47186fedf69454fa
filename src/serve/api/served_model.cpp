#include "serve/api/served_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "generation/generator.h"
#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

constexpr std::string_view kChatAlias = "deepseek-chat";
constexpr std::string_view kReasonerAlias = "deepseek-reasoner";
/// Behind a name: attention reads everything, whatever the model would select.
constexpr std::string_view kDenseSuffix = ":dense";

std::string folder_name(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

}  // namespace

ServedModel load_served_model(const ServedModelOptions& options) {
  text::Tokenizer tokenizer = text::Tokenizer::load(options.model_dir);
  const text::ChatStyle style = text::choose_chat_style(options.model_dir, tokenizer);
  ServedModel model{.name = options.name.empty() ? folder_name(options.model_dir) : options.name,
                    .config = model::load_config(options.model_dir),
                    .tokenizer = std::move(tokenizer),
                    .style = style,
                    .context_tokens = options.context_tokens,
                    .is_sparse = options.is_sparse,
                    .created_unix_s = base::unix_time_s(),
                    .known_tokens = nullptr,
                    .vocabulary = nullptr};
  if (auto mask = generation::known_token_mask(model.tokenizer, model.config.vocab_size)) {
    model.known_tokens = std::make_shared<const runtime::TokenMask>(*std::move(mask));
  }
  model.vocabulary = std::make_shared<const generation::ConstraintVocabulary>(
      model.tokenizer, model.config.vocab_size,
      generation::end_token_ids(model.config, &model.tokenizer));
  return model;
}

bool can_think(const ServedModel& model) {
  return model.style != text::ChatStyle::kMarkers && model.style != text::ChatStyle::kPlain;
}

std::vector<std::string> model_names(const ServedModel& model) {
  std::vector<std::string> names{model.name};
  for (const std::string_view alias : {kChatAlias, kReasonerAlias}) {
    if (alias != model.name && (alias == kChatAlias || can_think(model))) {
      names.emplace_back(alias);
    }
  }
  const size_t as_the_model_is = model.is_sparse ? names.size() : 0;
  for (size_t i = 0; i < as_the_model_is; ++i) {
    names.push_back(names[i] + std::string(kDenseSuffix));
  }
  return names;
}

ModelName resolve_model_name(const ServedModel& model, std::string_view name) {
  std::string_view base = name;
  const bool is_dense = name != model.name && name.ends_with(kDenseSuffix);
  if (is_dense) {
    base.remove_suffix(kDenseSuffix.size());
  }
  if (base == kReasonerAlias && base != model.name && !can_think(model)) {
    throw invalid_parameter(
        "model", fmt::format("{} has no thinking mode; ask for {}", model.name, kChatAlias));
  }
  if (base != model.name && base != kChatAlias && base != kReasonerAlias) {
    throw ApiError(400,
                   fmt::format("model: {} is not served here; there are: {}", base::quote(name),
                               fmt::join(model_names(model), ", ")),
                   {.type = "", .param = "model", .code = "model_not_found"});
  }
  return {.is_thinking = base == kReasonerAlias && can_think(model),
          .is_dense = is_dense || !model.is_sparse};
}

std::string_view attention_name(const ModelName& name) noexcept {
  return name.is_dense ? "dense" : "sparse";
}

}  // namespace levin::serve::api
