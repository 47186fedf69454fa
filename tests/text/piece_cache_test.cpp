// What the cache may forget and what it must not mix up.
#include "text/piece_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace levin::text {
namespace {

TEST(PieceCache, KnowsWhatWasAdded) {
  PieceCache cache;
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.add("a", std::vector<int32_t>{1});
  cache.add("bc", std::vector<int32_t>{2, 3});
  ASSERT_NE(cache.find("bc"), nullptr);
  EXPECT_EQ(*cache.find("bc"), (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(cache.find("b"), nullptr);
}

TEST(PieceCache, GivesTheIdsOfNoOtherPieceAndForgetsFewWhereThereIsRoom) {
  constexpr int32_t kPieces = 20'000;
  PieceCache cache;
  for (int32_t id = 0; id < kPieces; ++id) {
    cache.add("piece" + std::to_string(id), std::vector<int32_t>{id});
  }
  int32_t known = 0;
  for (int32_t id = 0; id < kPieces; ++id) {
    if (const std::vector<int32_t>* ids = cache.find("piece" + std::to_string(id))) {
      ASSERT_EQ(*ids, std::vector<int32_t>{id});
      ++known;
    }
  }
  EXPECT_GT(known, kPieces / 2);
}

/// Pieces that would take the same place in every table up to 65,536 slots.
std::vector<std::string> pieces_of_one_place(size_t count) {
  std::vector<std::string> pieces;
  for (int number = 0; pieces.size() < count; ++number) {
    std::string piece = "p" + std::to_string(number);
    if (std::hash<std::string_view>()(piece) % 65536 == 1) {
      pieces.push_back(std::move(piece));
    }
  }
  return pieces;
}

TEST(PieceCache, OfPiecesOfOnePlaceTheLastIsKnown) {
  const std::vector<std::string> pieces = pieces_of_one_place(5);
  PieceCache cache;
  for (const std::string& piece : pieces) {
    cache.add(piece, std::vector<int32_t>{7});
  }
  EXPECT_NE(cache.find(pieces.back()), nullptr);
  EXPECT_TRUE(std::all_of(pieces.begin(), pieces.end() - 1,
                          [&](const std::string& piece) { return cache.find(piece) == nullptr; }));
}

}  // namespace
}  // namespace levin::text
