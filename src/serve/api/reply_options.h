// What the replies of all endpoints say alike.
#pragma once

#include "serve/api/common_fields.h"
#include "serve/api/reply.h"
#include "serve/api/served_model.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

/// Id, model, time, fingerprint (which tells dense from sparse attention) and the stream's options.
/// `name` is what the request's model name says.
[[nodiscard]] ReplyOptions make_reply_options(const http::Request& request,
                                              const CommonFields& common, const ServedModel& model,
                                              const ModelName& name);

}  // namespace levin::serve::api
