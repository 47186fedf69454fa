#include "serve/server_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "serve/accounts/prices.h"

namespace levin::serve {
namespace {

using Kind = Setting::Kind;
using nlohmann::json;

constexpr int64_t kMaxFileBytes = int64_t{1} << 20;

/// A value and where it stands: "--port", "LEVIN_PORT", "levin.json: port".
struct Given {
  std::vector<std::string> values;
  std::string where;
};

[[noreturn]] void refuse(const Given& given, const std::string& wanted) {
  base::throw_error(base::ErrorCode::kInvalidArgument, given.where, "{} expected, got \"{}\"",
                    wanted, fmt::join(given.values, ","));
}

const std::string& one_value(const Given& given) {
  if (given.values.size() != 1) {
    refuse(given, "one value");
  }
  return given.values.front();
}

int64_t parse_number(const Setting& setting, const Given& given) {
  int64_t value = 0;
  const std::string& text = one_value(given);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < setting.min ||
      value > setting.max) {
    refuse(given, fmt::format("a whole number from {} to {}", setting.min, setting.max));
  }
  return value;
}

bool is_one_of(std::string_view text, std::string_view words) {
  while (!words.empty()) {
    const size_t bar = words.find('|');
    if (words.substr(0, bar) == text) {
      return true;
    }
    words = bar == std::string_view::npos ? std::string_view() : words.substr(bar + 1);
  }
  return false;
}

void check_price(const Given& given) {
  try {
    (void)accounts::parse_token_price(one_value(given));
  } catch (const base::Error& error) {
    throw base::Error(base::ErrorCode::kInvalidArgument, error.what(), given.where);
  }
}

void apply(ServerConfig& config, const Setting& setting, const Given& given) {
  switch (setting.kind) {
    case Kind::kList:
      if (std::ranges::find(given.values, "") != given.values.end()) {
        refuse(given, "values that are not empty");
      }
      config.*setting.list = given.values;
      return;
    case Kind::kNumber:
      config.*setting.number = parse_number(setting, given);
      return;
    case Kind::kFlag:
      if (!is_one_of(one_value(given), "true|false")) {
        refuse(given, "true or false");
      }
      config.*setting.flag = one_value(given) == "true";
      return;
    case Kind::kPrice:
      check_price(given);
      config.*setting.text = one_value(given);
      return;
    case Kind::kText:
      if (!setting.words.empty() && !is_one_of(one_value(given), setting.words)) {
        refuse(given, std::string(setting.words));
      }
      config.*setting.text = one_value(given);
      return;
  }
}

const Setting* find_setting(std::string_view key) {
  const auto found = std::find_if(settings().begin(), settings().end(),
                                  [key](const Setting& setting) { return setting.key == key; });
  return found == settings().end() ? nullptr : &*found;
}

/// The text of a value as the command line has it; nothing for objects and null.
std::optional<std::string> text_of(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number() || value.is_boolean()) {
    return value.dump();
  }
  return std::nullopt;
}

/// The form that a value has in the file, for errors.
const char* form_of(Kind kind) {
  switch (kind) {
    case Kind::kList:
      return "an array of strings";
    case Kind::kText:
      return "a string";
    case Kind::kPrice:
      return "an amount in USD";
    case Kind::kNumber:
      return "a whole number";
    case Kind::kFlag:
      return "true or false";
  }
  return "";
}

bool has_form(Kind kind, const json& value) {
  switch (kind) {
    case Kind::kList:
    case Kind::kText:
      return value.is_string();
    case Kind::kPrice:
      return value.is_string() || value.is_number();
    case Kind::kNumber:
      return value.is_number_integer();
    case Kind::kFlag:
      return value.is_boolean();
  }
  return false;
}

Given given_by_file(const Setting& setting, const json& value, std::string where) {
  Given given{.values = {}, .where = std::move(where)};
  const bool is_list = setting.kind == Kind::kList;
  const json values = is_list ? value : json::array({value});
  bool is_right = values.is_array();
  for (const json& item : values) {
    is_right = is_right && has_form(setting.kind, item);
    given.values.push_back(text_of(item).value_or(""));
  }
  if (!is_right) {
    base::throw_error(base::ErrorCode::kInvalidFile, given.where, "{} expected, got {}",
                      form_of(setting.kind),
                      value.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return given;
}

void apply_file(ServerConfig& config, const std::string& file) {
  const std::string text = base::read_file(file, kMaxFileBytes);
  // Comments, because people explain their settings.
  json root;
  try {
    root = json::parse(text, nullptr, true, true);
  } catch (const json::parse_error& error) {
    base::throw_error(base::ErrorCode::kInvalidFile, file, "JSON expected: {}", error.what());
  }
  if (!root.is_object()) {
    throw base::Error(base::ErrorCode::kInvalidFile, "a JSON object expected", file);
  }
  for (const auto& [key, value] : root.items()) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) {
      base::throw_error(base::ErrorCode::kInvalidFile, file,
                        "unknown key \"{}\"; `levin serve --help` and docs/service.md list them",
                        key);
    }
    apply(config, *setting, given_by_file(*setting, value, fmt::format("{}: {}", file, key)));
  }
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

ServerConfig read_config(const std::string& file, const GivenFlags& flags,
                         const char* (*environment)(const char* name)) {
  ServerConfig config;
  if (!file.empty()) {
    apply_file(config, file);
  }
  for (const Setting& setting : settings()) {
    const std::string name = environment_name(setting);
    if (const char* value = environment(name.c_str()); value != nullptr) {
      const bool is_list = setting.kind == Kind::kList;
      apply(config, setting,
            {.values = is_list ? split_at_commas(value) : std::vector<std::string>{value},
             .where = name});
    }
  }
  for (const auto& [key, values] : flags) {
    const Setting* setting = find_setting(key);
    LEVIN_CHECK(setting != nullptr);
    apply(config, *setting, {.values = values, .where = flag_name(*setting)});
  }
  return config;
}

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") &&
          host.find_first_not_of("0123456789.") == std::string_view::npos);
}

void check_config(const ServerConfig& config, bool has_accounts) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "TLS needs both a certificate and its private key; give the other one too",
                      config.tls_cert.empty() ? "--tls-key" : "--tls-cert");
  }
  if (has_accounts && !config.api_keys.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "the accounts file has the keys; make one with `levin keys create`, or leave "
                      "--accounts away",
                      "--api-key");
  }
  if (!is_loopback_host(config.host) && !has_accounts && config.api_keys.empty() &&
      !config.is_insecure) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--host",
                      "everybody who reaches {} could use the model; make a key with `levin keys "
                      "create` and add --accounts FILE, or set LEVIN_API_KEYS, or add --insecure",
                      config.host);
  }
}

}  // namespace levin::serve
