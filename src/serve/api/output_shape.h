// From the fields of a chat request to the constraint on its answer.
#pragma once

#include "generation/constraint.h"
#include "serve/api/chat_request.h"
#include "serve/api/served_model.h"

namespace levin::serve::api {

/// The constraint that response_format, tool_choice and strict tools ask for; empty for free text.
/// Throws ApiError 422 naming the field: a schema that is not supported or too large, required
/// tools in a model without.
[[nodiscard]] generation::Constraint make_answer_constraint(const ChatRequest& request,
                                                            bool begins_with_reasoning,
                                                            const ServedModel& model);

}  // namespace levin::serve::api
