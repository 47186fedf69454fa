#include "kernels/op_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::kernels {
namespace {

std::string error_of(std::string_view requested) {
  try {
    select_table(requested);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(OpTable, RefRunsEverywhereAndComesFirst) {
  const TableList list = supported_tables();
  ASSERT_GE(list.count, 1);
  EXPECT_EQ(list.tables[0]->name, "ref");
}

TEST(OpTable, EveryTableIsComplete) {
  const TableList list = supported_tables();
  for (int i = 0; i < list.count; ++i) {
    const OpTable& table = *list.tables[i];
    EXPECT_NE(table.matmul, nullptr) << table.name;
    EXPECT_NE(table.attention_tile, nullptr) << table.name;
    EXPECT_NE(table.pack_queries, nullptr) << table.name;
    EXPECT_NE(table.index_scores_page, nullptr) << table.name;
    EXPECT_NE(table.append_above, nullptr) << table.name;
    EXPECT_NE(table.quantize_index_row, nullptr) << table.name;
    EXPECT_NE(table.f32_to_bf16, nullptr) << table.name;
    EXPECT_NE(table.rms_norm, nullptr) << table.name;
    EXPECT_NE(table.layer_norm, nullptr) << table.name;
    EXPECT_NE(table.silu_mul, nullptr) << table.name;
    EXPECT_NE(table.add_scaled, nullptr) << table.name;
    EXPECT_NE(table.rotate_pairs, nullptr) << table.name;
    EXPECT_NE(table.rotate_halves, nullptr) << table.name;
    EXPECT_NE(table.read_sum, nullptr) << table.name;
    EXPECT_NE(table.dot_rate_work, nullptr) << table.name;
  }
}

TEST(OpTable, NoRequestTakesTheLastThatTheCpuSupports) {
  const TableList list = supported_tables();
  EXPECT_EQ(&select_table(), list.tables[list.count - 1]);
}

TEST(OpTable, ANameTakesThatTable) {
  const TableList list = supported_tables();
  for (int i = 0; i < list.count; ++i) {
    EXPECT_EQ(&select_table(list.tables[i]->name), list.tables[i]);
  }
}

TEST(OpTable, AnUnknownNameIsAnErrorThatNamesTheChoices) {
  EXPECT_THAT(
      error_of("sse9"),
      ::testing::StartsWith("LEVIN_ISA: unknown instruction set \"sse9\"; choose one of: ref"));
}

TEST(OpTable, ANameThatTheCpuLacksIsAnError) {
  const TableList list = supported_tables();
  if (list.tables[list.count - 1]->name == "avx512") {
    GTEST_SKIP() << "this CPU supports every table";
  }
  EXPECT_THAT(error_of("avx512"),
              ::testing::StartsWith("LEVIN_ISA: this CPU cannot run the instruction set avx512"));
}

TEST(OpTable, TheEnvironmentForcesATable) {
  ASSERT_EQ(::setenv("LEVIN_ISA", "ref", 1), 0);
  EXPECT_EQ(select_table_from_environment().name, "ref");
  ASSERT_EQ(::unsetenv("LEVIN_ISA"), 0);
  EXPECT_EQ(&select_table_from_environment(), &select_table());
}

}  // namespace
}  // namespace levin::kernels
