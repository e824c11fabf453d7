#include "machine.hpp"

#include <stdexcept>

namespace plexus::test {

machine::machine(kernel::simulation& world, std::string host, std::string config)
    : world_(world), host_(std::move(host)), config_(std::move(config)) {}

machine::~machine() { stop(); }

void machine::load() {
    kernel::kernel_options options;
    options.program = "simulation";
    options.plugin_folders = {PLEXUS_PLUGIN_FOLDER};
    options.log = [this](std::string_view line) { log.emplace_back(line); };
    options.backend = world_.machine(host_);
    auto loaded = kernel::kernel::load({config_, {}}, std::move(options));
    if (!loaded) throw std::runtime_error(host_ + ": " + loaded.error().message());
    kernel_ = std::move(*loaded);
}

void machine::begin_start() {
    load();
    starting_ = true;
    kernel_->begin_start([this](result<void> outcome) {
        outcome_ = std::move(outcome);
        starting_ = false;
        started_ = outcome_.has_value();
    });
}

void machine::start() {
    begin_start();
    kernel_->run_until([this] { return !starting_; });
    if (!started_) throw std::runtime_error(host_ + ": " + outcome_.error().message());
}

void machine::end() {
    if (!kernel_) return;
    if (starting_) kernel_->run_until([this] { return !starting_; });
    if (before_end) std::exchange(before_end, {})();
    if (started_) outcome_ = kernel_->stop();
    started_ = false;
    kernel_.reset();
}

void machine::stop() { end(); }

void machine::crash() {
    world_.crash(host_);
    end();
}

std::vector<std::string> machine::left_behind() const {
    std::vector<std::string> out;
    for (const auto& line : log)
        if (line.find("leaves behind") != std::string::npos) out.push_back(line);
    return out;
}

} // namespace plexus::test
