// Every sentence of plexus/abi/transport.h, on each of our transports.
#include "scratch_folder.hpp"
#include "transport_suite.hpp"

#include "plexus/kernel/simulation.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace plexus::validate {
void PrintTo(const transport_case& one, std::ostream* out) { *out << one.name; }
void PrintTo(const line& one, std::ostream* out) { *out << name_of(one); }
} // namespace plexus::validate

namespace plexus {
namespace {

struct named_target {
    const char* name;
    const char* library;
    const char* settings;
    const char* companions;
    std::initializer_list<validate::line> lines;
    bool simulated = false;
};

void PrintTo(const named_target& one, std::ostream* out) { *out << one.name; }

using validate::line;

// A tor whose circuits all lead to this machine.
#define PLEXUS_TOR_SETTINGS "program = \"" PLEXUS_FAKE_TOR "\"\npath = \"{folder}/tor\"\n"

const named_target targets[] = {
    {"tls", "transport-tls", "", "", {line::raw, line::raw_own, line::secure}},
    {"tls_over_socks",
     "transport-tls",
     "",
     "[plugin.road]\nlibrary = \"transport-socks\"\nproxy = \"{socks}\"\n",
     {line::raw, line::secure}},
    {"socks", "transport-socks", "proxy = \"{socks}\"", "", {line::raw}},
    {"tor", "transport-tor", PLEXUS_TOR_SETTINGS, "", {line::raw}},
    {"tls_over_tor",
     "transport-tls",
     "",
     "[plugin.road]\nlibrary = \"transport-tor\"\n" PLEXUS_TOR_SETTINGS,
     {line::secure}},
    {"sim", "transport-sim", "", "", {line::raw_own, line::secure}, true},
};

using parameters = std::tuple<named_target, line, validate::transport_case>;

std::vector<parameters> all() {
    std::vector<parameters> out;
    for (const auto& named : targets)
        for (const line over : named.lines)
            for (const auto& one : validate::transport_cases()) out.emplace_back(named, over, one);
    return out;
}

class transport_conformance : public ::testing::TestWithParam<parameters> {};

TEST_P(transport_conformance, holds) {
    const auto& [named, over, one] = GetParam();
    validate::transport_target target;
    target.library = named.library;
    target.plugin_folders = {PLEXUS_PLUGINS};
    target.settings = named.settings;
    target.companions = named.companions;
    std::optional<kernel::simulation> world;
    if (named.simulated) {
        world.emplace(7);
        target.sockets = false;
        target.host = "machine";
        target.prepare = [&world](kernel::kernel_options& options) {
            options.backend = world->machine("machine", validate::transport_bench::shards);
        };
    }
    const test::scratch_folder folder;
    const auto report = validate::run_transport_case(one, over, target, folder.path());
    if (report.outcome == validate::case_outcome::skipped) GTEST_SKIP() << report.text;
    EXPECT_EQ(report.outcome, validate::case_outcome::passed) << one.sentence << "\n" << report.text;
}

std::string title(const ::testing::TestParamInfo<parameters>& given) {
    std::string out = std::string(std::get<0>(given.param).name) + "_" + name_of(std::get<1>(given.param)) +
                      "_" + std::get<2>(given.param).name;
    std::replace(out.begin(), out.end(), '.', '_');
    return out;
}

INSTANTIATE_TEST_SUITE_P(transports, transport_conformance, ::testing::ValuesIn(all()), title);

} // namespace
} // namespace plexus
