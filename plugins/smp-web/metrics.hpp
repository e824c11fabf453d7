// What the server counts in the text format of Prometheus, under the names of the official server. Used by
// the plugin.
#pragma once

#include <boost/json/object.hpp>

#include <string>

namespace plexus::smp_web {

/// `stats` and `queues` are the server's answers to these words.
std::string metrics_text(const boost::json::object& stats, const boost::json::object& queues);

} // namespace plexus::smp_web
