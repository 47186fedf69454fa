#include "serve/api/reply_options.h"

#include <fmt/format.h>

#include "base/clock.h"

namespace levin::serve::api {

ReplyOptions make_reply_options(const http::Request& request, const CommonFields& common,
                                const ServedModel& model, const ModelName& name) {
  ReplyOptions options;
  options.id = request.id;
  options.arrived = request.arrived;
  options.model = common.model;
  options.fingerprint = fmt::format("fp_{}_{}", model.name, attention_name(name));
  options.created_unix_s = base::unix_time_s();
  options.streams = common.streams;
  options.include_usage = common.include_usage;
  options.include_progress = common.include_progress;
  return options;
}

}  // namespace levin::serve::api
