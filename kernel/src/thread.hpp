// How the kernel makes its threads: named, and with signals left to the thread that runs the program.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace plexus::kernel {

/// The first 15 bytes of `name` show in ps and top.
std::thread make_thread(std::string name, std::function<void()> body);

} // namespace plexus::kernel
