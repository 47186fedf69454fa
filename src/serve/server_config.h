// Settings of `levin serve` and where they come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace levin::serve {

/// The defaults are safe on the machine of one person: loopback, no keys.
struct ServerConfig {
  std::string host = "127.0.0.1";
  int64_t port = 8080;  ///< 0: any free one
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> cors_origins;
  std::string tls_cert;
  std::string tls_key;

  std::vector<std::string> api_keys;
  std::string accounts = "none";  ///< a file, or "none"
  bool is_insecure = false;
  std::string price_cache_hit = "0.028";  ///< USD per million tokens
  std::string price_cache_miss = "0.28";
  std::string price_output = "0.42";

  std::string model_name;      ///< empty: the folder's name
  int64_t context_tokens = 0;  ///< 0: the model's limit
  int64_t chunk_tokens = 0;    ///< 0: the engine's own choice
  int64_t threads = 0;         ///< 0: one per usable core
  std::string attention = "auto";
  std::string weights = "as-is";
  std::string numerics = "fast";
  int64_t cache_mib = 0;   ///< 0: eight contexts, or what a quarter of the free memory holds
  std::string disk_cache;  ///< empty: none
  int64_t disk_cache_mib = int64_t{20} << 10;

  int64_t max_waiting = 256;
  int64_t max_connections = 1024;
  int64_t max_connections_per_address = 256;
  int64_t max_header_kib = 16;
  int64_t max_body_mib = 32;
  int64_t header_seconds = 10;
  int64_t body_seconds = 60;
  int64_t idle_seconds = 75;
  int64_t lag_seconds = 60;
  int64_t keep_alive_seconds = 10;
  int64_t drain_seconds = 30;

  bool is_json_log = false;
};

/// One setting under its three names: the key "max_body_mib" in the file, LEVIN_MAX_BODY_MIB in the
/// environment, --max-body-mib on the command line.
struct Setting {
  enum class Kind { kText, kPrice, kNumber, kList, kFlag };

  std::string_view key;
  Kind kind;
  std::string_view value_name;  ///< for help texts: "N", "FILE"
  std::string_view help;
  int64_t min = 0;  ///< of a kNumber
  int64_t max = 0;
  std::string_view words = {};  ///< of a kText that takes a few words alone: "auto|dense|sparse"
  std::string ServerConfig::*text = nullptr;  ///< of a kPrice too
  int64_t ServerConfig::*number = nullptr;
  std::vector<std::string> ServerConfig::*list = nullptr;
  bool ServerConfig::*flag = nullptr;
};

/// All of them, in the order of the documentation.
[[nodiscard]] const std::vector<Setting>& settings();

/// "--max-body-mib" and "LEVIN_MAX_BODY_MIB" for the key "max_body_mib". A list is named in the
/// singular on the command line: "--api-key" for "api_keys".
[[nodiscard]] std::string flag_name(const Setting& setting);
[[nodiscard]] std::string environment_name(const Setting& setting);

/// What the command line gave: keys and values; a flag has the value "true".
using GivenFlags = std::vector<std::pair<std::string, std::vector<std::string>>>;

/// The settings that hold: the command line over the environment over the file (empty: none) over
/// the defaults. A list of a higher source replaces that of a lower one. `environment` returns the
/// value of a variable, or null. Throws Error(kInvalidArgument) for a value that cannot be used,
/// Error(kInvalidFile) for a file that is no JSON object or has an unknown key, Error(kNotFound)
/// without the file; each names where the value stands.
[[nodiscard]] ServerConfig read_config(const std::string& file, const GivenFlags& flags,
                                       const char* (*environment)(const char* name));

/// Settings that contradict each other: Error(kInvalidArgument). A certificate without a key; an
/// address beyond loopback without anybody's key (`has_accounts`: there is an accounts file) unless
/// is_insecure; keys here and accounts there.
void check_config(const ServerConfig& config, bool has_accounts);

/// True for addresses and names that only this machine reaches.
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace levin::serve
