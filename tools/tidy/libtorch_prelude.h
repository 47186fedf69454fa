// Read before the sources of the trainer, so that clang 14 can read LibTorch's headers.
//
// In C++20 libstdc++ declares the members of std::vector constexpr. clang 14 instantiates constexpr
// functions where they are named, which LibTorch does with a vector of its own class before that is
// complete ("value type is destructible" fails; g++ and later clangs wait). Here <vector> comes in
// first without those constexprs. Its function __fill_a1 was declared constexpr by <algorithm> and
// gets another name; nothing is linked. For tools/tidy.sh alone, never compiled.
#include <algorithm>
#include <memory>
#include <string>

#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
