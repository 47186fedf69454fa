#include "runtime/page_key.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>

#include "base/error.h"

namespace levin::runtime {
namespace {

/// The bytes of a number, a key or an array of them.
template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size() * sizeof(*value.data())};
}

std::string_view bytes_of(const uint64_t& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace

std::string PageKey::hex() const {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  }
  return text;
}

std::optional<PageKey> PageKey::from_hex(std::string_view text) {
  PageKey key;
  if (text.size() != 2 * key.bytes.size() ||
      text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  for (size_t i = 0; i < key.bytes.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    (void)std::from_chars(digits, digits + 2, key.bytes[i], 16);
  }
  return key;
}

PageKey sha256(std::string_view bytes) {
  PageKey digest;
  LEVIN_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), nullptr, EVP_sha256(),
                         nullptr) == 1);
  return digest;
}

PageKey root_key(std::string_view identity, const Sharers& sharers) {
  const char* what = sharers.is_dense ? "levin dense prefix root\n" : "levin prefix root\n";
  return sha256(std::string(what).append(identity).append(bytes_of(sharers.salt)));
}

PageKey next_key(const PageKey& previous, std::span<const int32_t> ids) {
  return sha256(std::string(bytes_of(previous.bytes)).append(bytes_of(ids)));
}

uint64_t owner_tag(uint64_t salt) {
  const PageKey digest = sha256(std::string("levin prefix owner\n").append(bytes_of(salt)));
  uint64_t tag = 0;
  std::memcpy(&tag, digest.bytes.data(), sizeof(tag));
  return tag;
}

}  // namespace levin::runtime
