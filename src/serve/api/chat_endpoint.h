// POST chat/completions.
#pragma once

#include <memory>

#include "serve/api/caller.h"
#include "serve/api/dispatcher.h"
#include "serve/api/served_model.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

/// Parses, encodes and dispatches a chat request. Throws ApiError or base::Error before anything
/// has been sent.
void answer_chat(const http::Request& request, const std::shared_ptr<http::Responder>& responder,
                 const Caller& caller, const ServedModel& model, Dispatcher& dispatcher);

}  // namespace levin::serve::api
