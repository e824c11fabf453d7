// Every sentence of plexus/abi/store.h, on each of our stores.
#include "scratch_folder.hpp"
#include "store_suite.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace plexus::validate {
void PrintTo(const store_case& one, std::ostream* out) { *out << one.name; }
} // namespace plexus::validate

namespace plexus {
namespace {

struct named_target {
    const char* name;
    const char* library;
    const char* settings;
    const char* bounded_settings;
    bool keeps;
};

void PrintTo(const named_target& one, std::ostream* out) { *out << one.name; }

constexpr named_target targets[] = {
    {"lmdb", "store-lmdb", "path = \"{folder}/store\"", "path = \"{folder}/store\"\nmap-size = \"4MiB\"",
     true},
    {"lmdb_sync", "store-lmdb", "path = \"{folder}/store\"\ndurability = \"sync\"",
     "path = \"{folder}/store\"\ndurability = \"sync\"\nmap-size = \"4MiB\"", true},
    {"lmdb_unsafe_power", "store-lmdb", "path = \"{folder}/store\"\ndurability = \"unsafe-power\"",
     "path = \"{folder}/store\"\ndurability = \"unsafe-power\"\nmap-size = \"4MiB\"", true},
    {"lmdb_memory", "store-lmdb", "durability = \"memory\"", "durability = \"memory\"\nmap-size = \"4MiB\"",
     false},
    {"memory", "store-memory", "", "capacity = \"4MiB\"", false},
    {"memory_image", "store-memory", "image = \"{folder}\"", "image = \"{folder}\"\ncapacity = \"4MiB\"",
     true},
};

class store_conformance : public ::testing::TestWithParam<std::tuple<named_target, validate::store_case>> {};

TEST_P(store_conformance, holds) {
    const auto& [named, one] = GetParam();
    const validate::store_target target{
        named.library, {PLEXUS_PLUGINS}, named.settings, named.bounded_settings, named.keeps};
    const test::scratch_folder folder;
    const auto report = validate::run_store_case(one, target, folder.path());
    if (report.outcome == validate::case_outcome::skipped) GTEST_SKIP() << report.text;
    EXPECT_EQ(report.outcome, validate::case_outcome::passed) << one.sentence << "\n" << report.text;
}

INSTANTIATE_TEST_SUITE_P(stores, store_conformance,
                         ::testing::Combine(::testing::ValuesIn(targets),
                                            ::testing::ValuesIn(validate::store_cases())),
                         [](const auto& given) {
                             return std::string(std::get<0>(given.param).name) + "_" +
                                    std::get<1>(given.param).name;
                         });

} // namespace
} // namespace plexus
