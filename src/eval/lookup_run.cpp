#include "eval/lookup_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "eval/lookup_score.h"
#include "generation/answer_stream.h"
#include "generation/generator.h"

namespace levin::eval {
namespace {

/// The questions of one document in the engine.
class DocumentRun {
 public:
  DocumentRun(runtime::Engine& engine, const text::Tokenizer& tokenizer,
              const LookupPrompts& prompts)
      : engine_(engine), tokenizer_(tokenizer), prompts_(prompts), texts_(prompts.rests.size()) {
    request_.max_new_tokens = kAnswerTokens;
    request_.sampling.temperature = 0.0;
  }

  /// The texts of all answers. `progress` gets the tokens read and the questions done of these.
  AnswerTexts run(base::FunctionRef<void(int64_t, int64_t)> progress) {
    submit(0);
    int64_t read_tokens = 0;
    while (engine_.has_work()) {
      for (const runtime::TokenEvent& event : engine_.step()) {
        read_tokens = std::max(read_tokens, event.prompt_tokens_done);
        take(event);
      }
      progress(read_tokens, done_);
      if (done_ > 0) {
        // The document's pages can be found, and while nobody is answered the engine reads large
        // chunks: the other questions together.
        for (; next_ < prompts_.rests.size(); ++next_) {
          submit(next_);
        }
      }
    }
    return std::move(texts_);
  }

 private:
  struct Running {
    size_t question_idx;
    generation::AnswerStream answer;
  };

  void submit(size_t question_idx) {
    request_.prompt = prompts_.shared;
    request_.prompt.insert(request_.prompt.end(), prompts_.rests[question_idx].begin(),
                           prompts_.rests[question_idx].end());
    const runtime::RequestId id =
        engine_.submit(generation::to_engine_request(request_, engine_.config(), &tokenizer_));
    running_.emplace(
        id, Running{question_idx, generation::AnswerStream(
                                      &tokenizer_, generation::to_answer_options(
                                                       request_, engine_.config(), &tokenizer_))});
  }

  void take(const runtime::TokenEvent& event) {
    const auto found = running_.find(event.request);
    LEVIN_CHECK(found != running_.end());
    generation::AnswerStream& answer = found->second.answer;
    (void)answer.take(event);
    if (!answer.finish().has_value()) {
      return;
    }
    if (*answer.finish() == runtime::FinishReason::kError) {
      throw base::Error(answer.error_code(), answer.error());
    }
    texts_[found->second.question_idx] = answer.text();
    running_.erase(found);
    ++done_;
  }

  runtime::Engine& engine_;
  const text::Tokenizer& tokenizer_;
  const LookupPrompts& prompts_;
  generation::GenerationRequest request_;
  std::map<runtime::RequestId, Running> running_;
  AnswerTexts texts_;
  size_t next_ = 1;
  int64_t done_ = 0;
};

}  // namespace

std::vector<std::vector<LookupAnswer>> ask_lookups(
    runtime::Engine& engine, const text::Tokenizer& tokenizer,
    std::span<const LookupDocument> documents, const EncodedLookups& lookups,
    const ContestantJournal& journal,
    base::FunctionRef<void(const LookupProgress& progress)> progress) {
  std::vector<std::vector<LookupAnswer>> answers;
  int64_t done_before = 0;
  for (size_t document_idx = 0; document_idx < documents.size(); ++document_idx) {
    const LookupPrompts& prompts = lookups.documents[document_idx];
    const int64_t document_tokens = std::ssize(prompts.shared) + std::ssize(prompts.rests.front());
    const auto report = [&](int64_t read_tokens, int64_t done) {
      progress({.done_questions = done_before + done,
                .read_tokens = std::min(read_tokens, document_tokens),
                .document_tokens = document_tokens});
    };
    AnswerTexts texts;
    if (const AnswerTexts* known = journal.find(prompts)) {
      texts = *known;
      report(document_tokens, std::ssize(texts));
    } else {
      texts = DocumentRun(engine, tokenizer, prompts).run(report);
      journal.append(prompts, texts);
    }
    done_before += std::ssize(texts);
    std::vector<LookupAnswer>& list = answers.emplace_back();
    for (size_t idx = 0; idx < texts.size(); ++idx) {
      const bool is_right =
          is_right_answer(texts[idx], documents[document_idx].questions[idx].answer);
      list.push_back({std::move(texts[idx]), is_right});
    }
  }
  return answers;
}

}  // namespace levin::eval
