#include "eval/lookup_score.h"

#include <gtest/gtest.h>

namespace levin::eval {
namespace {

TEST(LookupScore, TakesTheValueOfTheLastSentence) {
  EXPECT_EQ(stated_value("The code of Ann is 48."), "48");
  EXPECT_EQ(stated_value("The friend of Ann is Bob. The code of Bob is 48."), "48");
  EXPECT_EQ(stated_value(" The city of Zoe is saints. \n"), "saints");
}

TEST(LookupScore, FindsNoValueWithoutAWholeSentence) {
  EXPECT_EQ(stated_value(""), "");
  EXPECT_EQ(stated_value("48"), "");
  EXPECT_EQ(stated_value("The code of Ann is 48"), "") << "may have been cut in the number";
  EXPECT_EQ(stated_value("The code of Ann is 48. I think"), "");
  EXPECT_EQ(stated_value("The code of Ann is 48. So it goes."), "");
  EXPECT_EQ(stated_value("The code of Ann is ."), "");
}

TEST(LookupScore, ComparesToTheLetter) {
  EXPECT_TRUE(is_right_answer("The code of Ann is 48.", "48"));
  EXPECT_TRUE(is_right_answer("The code of Ann is  48 .", "48")) << "blanks around it";
  EXPECT_FALSE(is_right_answer("The code of Ann is 480.", "48"));
  EXPECT_FALSE(is_right_answer("The city of Ann is Saints.", "saints"));
  EXPECT_FALSE(is_right_answer("The city of Ann is sai nts.", "saints"));
  EXPECT_FALSE(is_right_answer("The city of Ann is saints!.", "saints"));
  EXPECT_FALSE(is_right_answer("The city of Ann is saints!", "saints"));
  EXPECT_FALSE(is_right_answer("The city of Ann is .", ""));
}

}  // namespace
}  // namespace levin::eval
