// What the connections of a server share. All of it belongs to the network thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <cstdint>

#include "serve/http/access.h"
#include "serve/http/arriving_bytes.h"
#include "serve/http/router.h"
#include "serve/http/server_options.h"

namespace levin::serve::http {

struct ServerState {
  const ServerOptions& options;
  const Router* router;
  const AccessRules& access;
  boost::asio::any_io_executor network;
  boost::asio::thread_pool& handlers;
  boost::asio::strand<boost::asio::thread_pool::executor_type> slow_handlers;  ///< of the same pool
  ArrivingBytes& arriving;
  uint64_t id_seed = 0;  ///< random, so that ids of two runs differ
  uint64_t requests = 0;
  bool is_draining = false;
};

}  // namespace levin::serve::http
