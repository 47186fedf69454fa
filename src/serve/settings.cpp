// The table of settings.
#include <algorithm>
#include <limits>

#include "serve/server_config.h"

namespace levin::serve {
namespace {

using Kind = Setting::Kind;
using Config = ServerConfig;

constexpr int64_t kAny = std::numeric_limits<int32_t>::max();

Setting text(std::string_view key, std::string Config::*member, std::string_view value_name,
             std::string_view help) {
  return {.key = key, .kind = Kind::kText, .value_name = value_name, .help = help, .text = member};
}

Setting price(std::string_view key, std::string Config::*member, std::string_view help) {
  return {.key = key, .kind = Kind::kPrice, .value_name = "USD", .help = help, .text = member};
}

Setting word(std::string_view key, std::string Config::*member, std::string_view words,
             std::string_view help) {
  return {.key = key,
          .kind = Kind::kText,
          .value_name = words,
          .help = help,
          .words = words,
          .text = member};
}

Setting number(std::string_view key, int64_t Config::*member, int64_t min, int64_t max,
               std::string_view help) {
  return {.key = key,
          .kind = Kind::kNumber,
          .value_name = "N",
          .help = help,
          .min = min,
          .max = max,
          .number = member};
}

Setting list(std::string_view key, std::vector<std::string> Config::*member,
             std::string_view value_name, std::string_view help) {
  return {.key = key, .kind = Kind::kList, .value_name = value_name, .help = help, .list = member};
}

Setting flag(std::string_view key, bool Config::*member, std::string_view help) {
  return {.key = key, .kind = Kind::kFlag, .value_name = "", .help = help, .flag = member};
}

std::vector<Setting> network_settings() {
  return {
      text("host", &Config::host, "ADDRESS", "address to listen on"),
      number("port", &Config::port, 0, 65535, "port to listen on; 0: any free one"),
      list("allowed_hosts", &Config::allowed_hosts, "NAME",
           "host name to answer to, besides localhost and addresses; \"*\": any"),
      list("cors_origins", &Config::cors_origins, "ORIGIN",
           "origin whose pages may call, such as https://app.example; \"*\": any"),
      text("tls_cert", &Config::tls_cert, "FILE", "certificate with its chain, PEM"),
      text("tls_key", &Config::tls_key, "FILE", "the certificate's private key, PEM"),
  };
}

std::vector<Setting> access_settings() {
  return {
      list("api_keys", &Config::api_keys, "KEY",
           "key that requests must bring; others see it in the list of processes, the "
           "environment hides it"),
      text("accounts", &Config::accounts, "FILE",
           "file of `levin keys`: requests then need a key of it and are "
           "charged; none: no accounts"),
      flag("insecure", &Config::is_insecure, "listen beyond loopback without any key"),
      price("price_cache_hit", &Config::price_cache_hit,
            "price of a million prompt tokens from the cache"),
      price("price_cache_miss", &Config::price_cache_miss,
            "price of a million prompt tokens that are computed"),
      price("price_output", &Config::price_output, "price of a million generated tokens"),
  };
}

std::vector<Setting> engine_settings() {
  return {
      text("model_name", &Config::model_name, "NAME", "name in /models; default: the folder's"),
      number("ctx", &Config::context_tokens, 0, kAny,
             "longest context in tokens; 0: the model's limit"),
      number("chunk", &Config::chunk_tokens, 0, kAny, "prompt tokens per step; 0: 2048"),
      number("threads", &Config::threads, 0, 1024, "threads; 0: one per usable core"),
      word("attention", &Config::attention, "auto|dense|sparse",
           "auto: as the checkpoint says; dense: read every token"),
      word("weights", &Config::weights, "as-is|int8",
           "as-is: read the files' own bytes; int8: re-encode at load"),
      word("numerics", &Config::numerics, "fast|reference",
           "reference: repeat the official kernels' roundings (slow)"),
      number("cache_mib", &Config::cache_mib, 0, kAny,
             "memory for cached tokens in MiB; 0: eight contexts, or what a quarter of the free "
             "memory holds"),
      text("disk_cache", &Config::disk_cache, "DIR",
           "folder in which shared prefixes outlive the process"),
      number("disk_cache_mib", &Config::disk_cache_mib, 1, kAny, "limit of that folder in MiB"),
  };
}

std::vector<Setting> limit_settings() {
  return {
      number("max_waiting", &Config::max_waiting, 1, 1'000'000,
             "requests that may wait for the model; more get status 429"),
      number("max_connections", &Config::max_connections, 1, 1'000'000, "open connections in all"),
      number("max_connections_per_address", &Config::max_connections_per_address, 1, 1'000'000,
             "open connections of one client address"),
      number("max_header_kib", &Config::max_header_kib, 1, 1024, "longest header in KiB"),
      number("max_body_mib", &Config::max_body_mib, 1, 1024, "largest body in MiB"),
      number("header_seconds", &Config::header_seconds, 1, 3600, "time for a header to arrive"),
      number("body_seconds", &Config::body_seconds, 1, 86400, "time for a body to arrive"),
      number("idle_seconds", &Config::idle_seconds, 1, 86400, "time between two requests"),
      number("lag_seconds", &Config::lag_seconds, 1, 86400,
             "a reader that lags behind its stream is cut off after that"),
      number("keep_alive_seconds", &Config::keep_alive_seconds, 1, 3600,
             "silence after which a waiting client gets a sign of life"),
      number("drain_seconds", &Config::drain_seconds, 0, 86400,
             "time for running answers when the server is told to stop"),
      flag("log_json", &Config::is_json_log, "one JSON object per line of the log"),
  };
}

std::string with_dashes(std::string_view key) {
  std::string name(key);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> made;
    for (const auto& group :
         {network_settings(), access_settings(), engine_settings(), limit_settings()}) {
      made.insert(made.end(), group.begin(), group.end());
    }
    return made;
  }();
  return all;
}

std::string flag_name(const Setting& setting) {
  std::string name = "--" + with_dashes(setting.key);
  if (setting.kind == Kind::kList) {
    name.pop_back();  // one value each time
  }
  return name;
}

std::string environment_name(const Setting& setting) {
  std::string name = "LEVIN_" + std::string(setting.key);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

}  // namespace levin::serve
