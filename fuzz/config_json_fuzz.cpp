// parse_config on arbitrary text; an accepted config must describe tensors of sane sizes.
#include <cmath>
#include <string>

#include "fuzz_target.h"
#include "model/config.h"
#include "model/weights_expected.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  levin::fuzz::expect_answer_or_error([&] {
    const levin::model::Config config =
        levin::model::parse_config(std::string(levin::fuzz::as_text(data, size)), "input");
    levin::fuzz::require(std::isfinite(config.softmax_scale()), "the softmax scale is finite");
    levin::fuzz::require(
        !config.is_sparse() ||
            static_cast<int64_t>(config.is_full_indexer_layer.size()) == config.num_hidden_layers,
        "every layer of a sparse model has an indexer type");
    int visited = 0;
    levin::model::visit_expected_tensors(config, [&](const levin::model::ExpectedTensor& tensor) {
      int64_t bytes = 4;
      for (const int64_t extent : tensor.shape) {
        levin::fuzz::require(extent > 0 && !__builtin_mul_overflow(bytes, extent, &bytes),
                             "the size of a tensor fits 64 bits");
      }
      return ++visited < 1000;
    });
  });
  return 0;
}
