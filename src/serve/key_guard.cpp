#include "serve/key_guard.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <utility>

#include "serve/http/error_response.h"

namespace levin::serve {
namespace {

constexpr std::string_view kScheme = "Bearer ";

std::array<unsigned char, 32> digest_of(std::string_view key) {
  std::array<unsigned char, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

}  // namespace

KeyGuard::KeyGuard(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    digests_.push_back(digest_of(key));
  }
}

bool KeyGuard::is_known(std::string_view authorization) const {
  if (authorization.size() < kScheme.size() ||
      !http::is_same_name(authorization.substr(0, kScheme.size()), kScheme)) {
    return false;
  }
  const Digest given = digest_of(authorization.substr(kScheme.size()));
  bool is_known = false;
  for (const Digest& digest : digests_) {
    is_known = (CRYPTO_memcmp(given.data(), digest.data(), digest.size()) == 0) || is_known;
  }
  return is_known;
}

http::Handler KeyGuard::guard(http::Handler inner) const {
  return [keys = *this, inner = std::move(inner)](http::Request request,
                                                  std::shared_ptr<http::Responder> responder) {
    if (keys.is_known(http::find_header(request.headers, "Authorization"))) {
      inner(std::move(request), std::move(responder));
      return;
    }
    http::Response response =
        http::error_response(401, "a key of this server expected: Authorization: Bearer KEY",
                             {.type = "authentication_error", .code = "invalid_api_key"});
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    responder->send(std::move(response));
  };
}

}  // namespace levin::serve
