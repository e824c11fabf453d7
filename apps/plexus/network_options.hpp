// The options of plexus that say how servers are reached, as the official terminal app has them, and --tor.
#pragma once

#include "options.hpp"

#include <boost/program_options.hpp>

namespace plexus::messenger_app {

void describe_network(boost::program_options::options_description& out);
/// Errors say what is wrong with the command line.
result<void> read_network(options& out, const boost::program_options::variables_map& given);

} // namespace plexus::messenger_app
