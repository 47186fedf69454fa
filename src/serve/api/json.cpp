#include "serve/api/json.h"

namespace levin::serve::api {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace levin::serve::api
