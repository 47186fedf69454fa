// levin keys: make, list, revoke and fill the API keys of the service.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/notice.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/accounts/path.h"
#include "serve/accounts/usage.h"

namespace levin::cli {
namespace {

using nlohmann::json;
using serve::accounts::Access;
using serve::accounts::Balance;
using serve::accounts::Database;
using serve::accounts::Key;
using serve::accounts::KeyWithBalance;
using serve::accounts::Money;
using serve::accounts::UsageDay;
using serve::accounts::UsageTotals;

constexpr int64_t kMaxLimit = 1'000'000'000'000;

/// What every subcommand has.
struct KeysOptions {
  std::string accounts_path;
  std::string name;
  bool as_json = false;

  [[nodiscard]] std::string path() const {
    return accounts_path.empty() ? serve::accounts::default_accounts_path() : accounts_path;
  }
  [[nodiscard]] Database open(Access access) const {
    return serve::accounts::open_accounts_file(path(), access);
  }
};

/// An amount that an option of that name gave; its error names the option.
Money parse_amount(const std::string& text, const char* option) {
  try {
    return Money::parse_usd(text);
  } catch (const base::Error& error) {
    throw base::Error(error.code(), error.what(), option);
  }
}

int64_t parse_day(const std::string& text, const char* option) {
  try {
    return serve::accounts::parse_day(text);
  } catch (const base::Error& error) {
    throw base::Error(error.code(), error.what(), option);
  }
}

std::string day_text(int64_t unix_s) {
  return serve::accounts::format_day(serve::accounts::day_of(unix_s));
}

json to_json(const Key& key) {
  return {{"name", key.name},
          {"owner", key.owner},
          {"hint", key.hint},
          {"created", key.created_unix_s},
          {"revoked", key.revoked_unix_s.has_value() ? json(*key.revoked_unix_s) : json(nullptr)},
          {"is_metered", key.is_metered},
          {"max_concurrent", key.limits.max_concurrent},
          {"tokens_per_minute", key.limits.tokens_per_minute}};
}

json to_json(const Balance& balance) {
  return {{"total_balance", balance.total().to_usd()},
          {"granted_balance", balance.granted.to_usd()},
          {"topped_up_balance", balance.topped_up.to_usd()},
          {"reserved", balance.reserved.to_usd()}};
}

json to_json(const UsageTotals& totals) {
  return {{"requests", totals.requests},
          {"prompt_cache_hit_tokens", totals.tokens.cache_hit_tokens},
          {"prompt_cache_miss_tokens", totals.tokens.cache_miss_tokens},
          {"completion_tokens", totals.tokens.completion_tokens},
          {"cost_usd", totals.cost.to_usd()},
          {"charged_usd", totals.charged.to_usd()}};
}

// ---- create

struct CreateOptions : KeysOptions {
  std::string owner;
  std::string granted = "0";
  std::string topped_up = "0";
  bool is_unmetered = false;
  serve::accounts::Limits limits;
};

void create(const CreateOptions& options) {
  const serve::accounts::NewKey wanted = {.name = options.name,
                                          .owner = options.owner,
                                          .is_metered = !options.is_unmetered,
                                          .limits = options.limits,
                                          .granted = parse_amount(options.granted, "--granted"),
                                          .topped_up = parse_amount(options.topped_up, "--topup")};
  serve::accounts::create_accounts_file(options.path());
  Database database = options.open(Access::kWrite);
  const auto [key, secret] = serve::accounts::create_key(database, wanted, base::unix_time_s());
  if (options.as_json) {
    json report = to_json(key);
    report["key"] = secret;
    report["balance"] = to_json(serve::accounts::balance_of(database, key.id));
    write_json(report);
  } else {
    write_output(secret + "\n");
  }
  base::write_notice("levin: keep this key: it is shown once and stored as a hash");
  if (key.is_metered && wanted.granted + wanted.topped_up == Money()) {
    base::write_notice(fmt::format(
        "levin: its balance is 0, so requests are refused until `levin keys topup {} 10`",
        key.name));
  }
}

// ---- list

std::string limits_text(const serve::accounts::Limits& limits) {
  std::string text;
  if (limits.max_concurrent > 0) {
    text += fmt::format("{} at once", limits.max_concurrent);
  }
  if (limits.tokens_per_minute > 0) {
    text += fmt::format("{}{} tokens/min", text.empty() ? "" : ", ", limits.tokens_per_minute);
  }
  return text.empty() ? "none" : text;
}

void list(const KeysOptions& options) {
  Database database = options.open(Access::kRead);
  const std::vector<KeyWithBalance> keys = serve::accounts::list_keys(database);
  if (options.as_json) {
    json report = json::array();
    for (const auto& [key, balance] : keys) {
      report.push_back(to_json(key));
      report.back()["balance"] = to_json(balance);
    }
    return write_json(report);
  }
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "OWNER", "KEY", "CREATED", "STATE", "GRANTED", "TOPPED UP", "RESERVED", "LIMITS"}};
  for (const auto& [key, balance] : keys) {
    rows.push_back({key.name, key.owner, key.hint + "...", day_text(key.created_unix_s),
                    key.revoked_unix_s.has_value() ? "revoked " + day_text(*key.revoked_unix_s)
                    : key.is_metered               ? "metered"
                                                   : "unmetered",
                    balance.granted.to_usd(), balance.topped_up.to_usd(), balance.reserved.to_usd(),
                    limits_text(key.limits)});
  }
  print_table(rows);
}

// ---- revoke, topup

void revoke(const KeysOptions& options) {
  Database database = options.open(Access::kWrite);
  const Key key = serve::accounts::revoke_key(database, options.name, base::unix_time_s());
  if (options.as_json) {
    write_json(to_json(key));
  } else {
    write_output(fmt::format("{}: revoked; requests with {}... are refused from now on\n", key.name,
                             key.hint));
  }
}

struct TopupOptions : KeysOptions {
  std::string amount;
  bool is_granted = false;
};

void top_up(const TopupOptions& options) {
  using serve::accounts::Credit;
  const Money amount = parse_amount(options.amount, "USD");
  Database database = options.open(Access::kWrite);
  const Balance balance = serve::accounts::add_credit(
      database, options.name, options.is_granted ? Credit::kGranted : Credit::kToppedUp, amount,
      base::unix_time_s());
  if (options.as_json) {
    write_json(to_json(balance));
  } else {
    write_output(fmt::format("{}: {} USD ({} granted, {} topped up)\n", options.name,
                             balance.total().to_usd(), balance.granted.to_usd(),
                             balance.topped_up.to_usd()));
  }
}

// ---- usage

struct UsageOptions : KeysOptions {
  std::string since;
  std::string until;
};

std::vector<std::string> usage_row(std::string day, std::string name, const UsageTotals& totals) {
  return {std::move(day),
          std::move(name),
          std::to_string(totals.requests),
          std::to_string(totals.tokens.cache_hit_tokens),
          std::to_string(totals.tokens.cache_miss_tokens),
          std::to_string(totals.tokens.completion_tokens),
          totals.cost.to_usd(),
          totals.charged.to_usd()};
}

void print_usage(const std::vector<UsageDay>& days, const UsageTotals& total, bool as_json) {
  if (as_json) {
    json report = {{"days", json::array()}, {"total", to_json(total)}};
    for (const UsageDay& day : days) {
      json row = to_json(day.totals);
      row["day"] = serve::accounts::format_day(day.day);
      row["name"] = day.key_name;
      report["days"].push_back(row);
    }
    return write_json(report);
  }
  std::vector<std::vector<std::string>> rows = {
      {"DAY (UTC)", "NAME", "REQUESTS", "HIT", "MISS", "OUT", "COST USD", "CHARGED USD"}};
  for (const UsageDay& day : days) {
    rows.push_back(usage_row(serve::accounts::format_day(day.day), day.key_name, day.totals));
  }
  rows.push_back(usage_row("total", "", total));
  print_table(rows);
}

void show_usage(const UsageOptions& options) {
  serve::accounts::UsageFilter filter;
  if (!options.name.empty()) {
    filter.key_name = options.name;
  }
  if (!options.since.empty()) {
    filter.first_day = parse_day(options.since, "--since");
  }
  if (!options.until.empty()) {
    filter.last_day = parse_day(options.until, "--until");
  }
  Database database = options.open(Access::kRead);
  const std::vector<UsageDay> days = serve::accounts::list_usage(database, filter);
  UsageTotals total;
  for (const UsageDay& day : days) {
    total = total + day.totals;
  }
  print_usage(days, total, options.as_json);
}

// ---- the command line

/// A subcommand with the options that all of them have.
template <typename Options>
CLI::App* add_subcommand(CLI::App& keys, Invocation& invocation, const char* name,
                         const char* description, const char* example,
                         const std::shared_ptr<Options>& options,
                         void (*run)(const Options& options)) {
  CLI::App* command = keys.add_subcommand(name, description);
  command
      ->add_option("--accounts", options->accounts_path,
                   "the accounts file; default: levin/accounts.db in $XDG_STATE_HOME or "
                   "~/.local/state")
      ->check(text_not_empty())
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(std::string("\nExample:\n  ") + example);
  command->callback(
      [options, run, &invocation] { invocation.run = [options, run] { run(*options); }; });
  return command;
}

void add_create(CLI::App& keys, Invocation& invocation) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command =
      add_subcommand(keys, invocation, "create", "Make a key; it is printed once",
                     "levin keys create laptop --topup 10 --max-concurrent 4", options, &create);
  command->add_option("NAME", options->name, "what the other commands call the key")
      ->required()
      ->type_name("");
  command
      ->add_option("--owner", options->owner,
                   "keys of one owner share cached prefixes; default: NAME")
      ->check(text_not_empty())
      ->type_name("OWNER");
  command->add_option("--topup", options->topped_up, "first balance, paid for")->type_name("USD");
  command->add_option("--granted", options->granted, "first balance, given; it is spent first")
      ->type_name("USD");
  command->add_flag("--unmetered", options->is_unmetered, "count the key's use, charge nothing");
  command
      ->add_option("--max-concurrent", options->limits.max_concurrent, "requests at once; 0: any")
      ->check(whole_number(0, kMaxLimit))
      ->type_name("N");
  command
      ->add_option("--tokens-per-minute", options->limits.tokens_per_minute,
                   "prompt and completion together; 0: any")
      ->check(whole_number(0, kMaxLimit))
      ->type_name("N");
}

void add_topup(CLI::App& keys, Invocation& invocation) {
  auto options = std::make_shared<TopupOptions>();
  CLI::App* command = add_subcommand(keys, invocation, "topup", "Add money to the balance of a key",
                                     "levin keys topup laptop 2.50", options, &top_up);
  command->add_option("NAME", options->name, "of the key")->required()->type_name("");
  command->add_option("USD", options->amount, "how much, such as 2.50")->required()->type_name("");
  command->add_flag("--granted", options->is_granted, "a gift: spent before topped-up money");
}

void add_usage(CLI::App& keys, Invocation& invocation) {
  auto options = std::make_shared<UsageOptions>();
  CLI::App* command =
      add_subcommand(keys, invocation, "usage", "Show requests, tokens and cost of each day",
                     "levin keys usage laptop --since 2025-09-29", options, &show_usage);
  command->add_option("NAME", options->name, "of one key; default: all")->type_name("");
  command->add_option("--since", options->since, "first day, UTC")->type_name("DATE");
  command->add_option("--until", options->until, "last day, UTC")->type_name("DATE");
}

}  // namespace

void add_keys_command(CLI::App& app, Invocation& invocation) {
  CLI::App* keys =
      app.add_subcommand("keys", "Make, list, revoke and fill the API keys of the service");
  keys->require_subcommand(1);
  keys->footer("\nExample:\n  levin keys create laptop --topup 10");
  add_create(*keys, invocation);
  add_subcommand(*keys, invocation, "list", "Show all keys with their balances and limits",
                 "levin keys list --json", std::make_shared<KeysOptions>(), &list);
  auto revoked = std::make_shared<KeysOptions>();
  add_subcommand(*keys, invocation, "revoke", "Refuse all further requests with a key",
                 "levin keys revoke laptop", revoked, &revoke)
      ->add_option("NAME", revoked->name, "of the key")
      ->required()
      ->type_name("");
  add_topup(*keys, invocation);
  add_usage(*keys, invocation);
}

}  // namespace levin::cli
