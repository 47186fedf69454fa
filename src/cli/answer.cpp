#include "cli/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/memory_info.h"
#include "base/units.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace levin::cli {
namespace {

using runtime::FinishReason;

const char* finish_name(const generation::GenerationResult& result) {
  switch (result.finish) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "error";
}

/// What a delta adds to stdout.
std::string visible_text(const generation::Delta& delta, const text::Tokenizer* tokenizer) {
  if (tokenizer == nullptr && delta.token.has_value()) {
    return std::to_string(delta.token->token) + " ";
  }
  return delta.text;
}

/// What the bar says about tokens from disk.
std::string restored_note(int64_t restored_tokens) {
  return restored_tokens > 0 ? fmt::format("restored {} tokens", restored_tokens) : std::string();
}

/// " (900 from cache, 896 of them from disk)"; empty if the cache gave nothing.
std::string cached_note(const generation::GenerationResult& result) {
  if (result.cached_prompt_tokens == 0) {
    return {};
  }
  const std::string restored =
      result.restored_prompt_tokens > 0
          ? fmt::format(", {} of them from disk", result.restored_prompt_tokens)
          : std::string();
  return fmt::format(" ({} from cache{})", result.cached_prompt_tokens, restored);
}

}  // namespace

int64_t choose_context(int64_t prompt_tokens, int64_t max_new_tokens, int64_t wanted,
                       const model::Config& config) {
  const int64_t limit = wanted > 0 ? wanted : config.max_position_embeddings;
  if (prompt_tokens + 1 > limit) {
    base::throw_error(base::ErrorCode::kContextTooLong, "prompt",
                      "has {} tokens, the context holds {} and the answer needs room too; {}",
                      prompt_tokens, limit,
                      wanted > 0 && wanted < config.max_position_embeddings
                          ? "raise --ctx or shorten the text"
                          : "shorten the text");
  }
  if (wanted > 0 || max_new_tokens == 0) {
    return limit;
  }
  return std::min(limit, prompt_tokens + max_new_tokens);
}

generation::GenerationResult run_request(runtime::Engine& engine, const text::Tokenizer* tokenizer,
                                         const generation::GenerationRequest& request, bool streams,
                                         OnDelta on_delta) {
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  Progress bar("reading", ProgressUnit::kTokens);
  bool ends_line = true;
  generation::GenerationResult result =
      generation::generate(engine, tokenizer, request, [&](const generation::Delta& delta) {
        if (!delta.token.has_value()) {
          if (delta.prompt_tokens_done < prompt_tokens) {
            bar.set_note(restored_note(delta.prompt_tokens_restored));
            bar.update(delta.prompt_tokens_done, prompt_tokens, delta.prompt_tokens_cached);
          }
          return true;
        }
        bar.finish();
        const std::string text = streams ? visible_text(delta, tokenizer) : std::string();
        if (!text.empty()) {
          write_output(text);
          ends_line = text.back() == '\n';
        }
        on_delta(delta);
        return true;
      });
  bar.finish();
  if (streams && !ends_line) {
    write_output("\n");
  }
  if (result.finish == FinishReason::kError) {
    throw base::Error(result.error_code, result.error);
  }
  return result;
}

std::string summarize(const generation::GenerationResult& result) {
  const base::ProcessMemory memory = base::process_memory();
  return fmt::format(
      "{} tokens in{}, {} out | first token after {:.2f} s ({:.0f} tokens/s) | decode {:.1f} "
      "tokens/s | attention read {:.1f}% of the context | memory {} and {} of mapped files, peak "
      "{}",
      result.prompt_tokens, cached_note(result), result.tokens.size(), result.time_to_first_token_s,
      result.prefill_tokens_per_s(), result.decode_tokens_per_s(),
      100.0 * result.share_of_context_read(), base::format_bytes(memory.anonymous_bytes),
      base::format_bytes(memory.file_bytes), base::format_bytes(memory.peak_resident_bytes));
}

nlohmann::json result_json(const generation::GenerationResult& result) {
  const base::ProcessMemory memory = base::process_memory();
  return {{"text", result.text},
          {"tokens", result.tokens},
          {"finish", finish_name(result)},
          {"stop_string", result.stop_string},
          {"prompt_tokens", result.prompt_tokens},
          {"cached_prompt_tokens", result.cached_prompt_tokens},
          {"restored_prompt_tokens", result.restored_prompt_tokens},
          {"generated_tokens", result.tokens.size()},
          {"time_to_first_token_s", result.time_to_first_token_s},
          {"prefill_tokens_per_s", result.prefill_tokens_per_s()},
          {"decode_tokens_per_s", result.decode_tokens_per_s()},
          {"share_of_context_read", result.share_of_context_read()},
          {"latent_rows_read", result.rows.latent_rows_read},
          {"visible_rows", result.rows.visible_rows},
          {"anonymous_bytes", memory.anonymous_bytes},
          {"mapped_bytes", memory.file_bytes},
          {"peak_resident_bytes", memory.peak_resident_bytes}};
}

void throw_if_cancelled(const generation::GenerationResult& result) {
  if (result.finish == FinishReason::kCancelled) {
    throw base::Error(base::ErrorCode::kCancelled, "stopped on request");
  }
}

}  // namespace levin::cli
