// What store-memory has beyond the contract: images that outlive an instance.
#include "scratch_folder.hpp"
#include "store_suite.hpp"

#include <gmock/gmock.h>

namespace plexus {
namespace {

validate::store_target image_target(const std::string& settings) {
    return {"store-memory", {PLEXUS_PLUGINS}, settings, "", true};
}

TEST(memory_image, is_there_for_the_next_instance) {
    const auto target = image_target("image = \"a\"");
    validate::store_bench bench(target, {});
    bench.open();
    bench.put(bench.table("t"), "k", "v");
    bench.close();
    bench.open();
    EXPECT_EQ(bench.get(bench.table("t"), "k"), "v");
}

TEST(memory_image, can_begin_afresh) {
    const auto target = image_target("image = \"b\"");
    {
        validate::store_bench bench(target, {});
        bench.open();
        bench.put(bench.table("t"), "k", "v");
    }
    const auto fresh = image_target("image = \"b\"\nimage-fresh = true");
    {
        validate::store_bench bench(fresh, {});
        bench.open();
        EXPECT_EQ(bench.get(bench.table("t"), "k"), std::nullopt);
        bench.put(bench.table("t"), "new", "v");
    }
    validate::store_bench bench(target, {});
    bench.open();
    EXPECT_EQ(bench.rows(bench.table("t")), "new=v");
}

TEST(memory_image, has_one_holder) {
    const auto target = image_target("image = \"c\"");
    validate::store_bench first(target, {});
    first.open();
    validate::store_bench second(target, {});
    try {
        second.open();
        FAIL() << "a second instance holds the image";
    } catch (const validate::broken_contract& refused) {
        EXPECT_THAT(refused.what(), ::testing::HasSubstr("image c is held"));
    }
    const auto other = image_target("image = \"d\"");
    validate::store_bench third(other, {});
    third.open();
    EXPECT_EQ(third.rows(third.table("t")), "") << "another name is another image";
}

} // namespace
} // namespace plexus
