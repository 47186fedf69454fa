#include "text/chat_message.h"

#include <array>

namespace levin::text {
namespace {

constexpr std::array<std::string_view, 5> kRoleNames = {"system", "developer", "user", "assistant",
                                                        "tool"};

}  // namespace

std::string_view role_name(Role role) noexcept { return kRoleNames[static_cast<size_t>(role)]; }

std::optional<Role> role_from_name(std::string_view name) noexcept {
  for (size_t idx = 0; idx < kRoleNames.size(); ++idx) {
    if (kRoleNames[idx] == name) {
      return static_cast<Role>(idx);
    }
  }
  return std::nullopt;
}

}  // namespace levin::text
