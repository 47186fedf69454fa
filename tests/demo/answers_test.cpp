// The demo's questions, asked through the library: every instruction set gives the answers of the
// reference kernels, and nine of ten are right.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/op_table.h"
#include "levin/levin.h"

namespace levin {
namespace {

const std::string kModelDir = LEVIN_SOURCE_DIR "/models/mini";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Question {
  std::string question;
  std::string answer;
};

std::vector<Question> demo_questions() {
  std::vector<Question> questions;
  for (const auto& entry : nlohmann::json::parse(read_file(kModelDir + "/demo/questions.json"))) {
    questions.push_back({entry.at("question"), entry.at("answer")});
  }
  return questions;
}

/// The answers of one instruction set; the document is read once, its pages are shared.
std::vector<std::string> answers_of(const std::string& isa, Attention attention) {
  setenv("LEVIN_ISA", isa.c_str(), 1);
  Model model = Model::load(kModelDir, {.attention = attention});
  unsetenv("LEVIN_ISA");
  const std::string document = read_file(kModelDir + "/demo/document.txt");
  std::vector<std::string> answers;
  for (const Question& question : demo_questions()) {
    const Answer answer =
        model.chat({{"system", document}, {"user", question.question}}, {.max_new_tokens = 24});
    EXPECT_EQ(answer.finish, Finish::kStop) << isa << ": " << question.question;
    answers.push_back(answer.text);
  }
  return answers;
}

int64_t right_answers(const std::vector<std::string>& answers) {
  const std::vector<Question> questions = demo_questions();
  int64_t right = 0;
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string& answer = answers[i];  // some models begin with a space
    right += answer == questions[i].answer || answer == " " + questions[i].answer ? 1 : 0;
  }
  return right;
}

void expect_right_and_equal_answers(Attention attention) {
  const std::vector<std::string> reference = answers_of("ref", attention);
  EXPECT_GE(right_answers(reference), static_cast<int64_t>(reference.size()) * 9 / 10);
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    const std::string isa(tables.tables[i]->name);
    if (isa != "ref") {
      EXPECT_EQ(answers_of(isa, attention), reference) << isa;
    }
  }
}

TEST(DemoAnswersSlow, SparseAreRightAndEqualInEveryInstructionSet) {
  expect_right_and_equal_answers(Attention::kSparse);
}

TEST(DemoAnswersSlow, DenseAreRightAndEqualInEveryInstructionSet) {
  expect_right_and_equal_answers(Attention::kDense);
}

}  // namespace
}  // namespace levin
