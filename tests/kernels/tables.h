// Test suites that run once for each table of kernels that this CPU supports.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "kernels/op_table.h"

namespace levin::kernels::testing {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Fixture with `table_`; the parameter counts supported_tables(). Instantiate with
/// LEVIN_FOR_EACH_TABLE(Suite).
class TableTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const TableList list = supported_tables();
    if (GetParam() >= list.count) {
      GTEST_SKIP() << "this CPU has only " << list.count << " tables";
    }
    table_ = list.tables[GetParam()];
  }

  const OpTable* table_ = nullptr;
};

inline std::string table_test_name(const ::testing::TestParamInfo<int>& info) {
  constexpr const char* kTableNames[] = {"ref", "avx2", "avx512"};
  return kTableNames[info.param];
}

}  // namespace levin::kernels::testing

#define LEVIN_FOR_EACH_TABLE(suite)                               \
  INSTANTIATE_TEST_SUITE_P(Tables, suite, ::testing::Range(0, 3), \
                           ::levin::kernels::testing::table_test_name)
