#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/version.hpp"
#include "plexus/encoding/writer.hpp"

#include <gtest/gtest.h>

namespace plexus::encoding {
namespace {

TEST(reader, stays_failed_and_gives_nothing_more) {
    const bytes input = {0, 1, 2, 3};
    reader in(input);
    EXPECT_EQ(in.take(5).size(), 0u);
    EXPECT_FALSE(in.ok());
    EXPECT_FALSE(in.done());
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(in.u8(), 0);
    EXPECT_EQ(in.u32(), 0u);
    EXPECT_TRUE(in.tail().empty());
    EXPECT_TRUE(in.short_bytes().empty());
    EXPECT_FALSE(in.accept(""));
    EXPECT_FALSE(in.peek().has_value());
    EXPECT_EQ(in.array<3>(), (std::array<std::uint8_t, 3>{}));
    EXPECT_FALSE(in.ok());
}

TEST(reader, views_point_into_the_input) {
    const bytes input = {2, 7, 8, 9};
    reader in(input);
    const auto field = in.short_bytes();
    EXPECT_EQ(field.data(), input.data() + 1);
    EXPECT_EQ(in.remaining().data(), input.data() + 3);
}

TEST(reader, a_length_beyond_the_end_fails) {
    const bytes input = {5, 1, 2};
    reader short_in(input);
    short_in.short_bytes();
    EXPECT_FALSE(short_in.ok());
    reader large_in(input);
    large_in.large_bytes();
    EXPECT_FALSE(large_in.ok());
}

TEST(reader, words_and_literals) {
    reader in(as_bytes("NEW key"));
    EXPECT_EQ(in.peek(), 'N');
    EXPECT_FALSE(in.accept("KEY"));
    EXPECT_EQ(in.word(), "NEW");
    in.expect(" ");
    EXPECT_EQ(in.word(), "key");
    EXPECT_TRUE(in.done());
    EXPECT_EQ(in.word(), "");
    EXPECT_TRUE(in.done());
    in.expect("x");
    EXPECT_FALSE(in.ok());
}

TEST(reader, every_cut_of_a_record_is_refused) {
    bytes record;
    writer(record)
        .u16(7)
        .short_text("host")
        .boolean(true)
        .maybe(true)
        .large_bytes(as_bytes("content"))
        .i64(-2);
    for (std::size_t size = 0; size <= record.size(); ++size) {
        reader in(bytes_view(record).first(size));
        in.u16();
        in.short_text();
        in.boolean();
        if (in.maybe()) in.large_bytes();
        in.i64();
        EXPECT_EQ(in.done(), size == record.size()) << size;
    }
}

TEST(writer, refuses_what_a_length_cannot_say) {
    bytes out;
    writer to(out);
    EXPECT_THROW(to.short_bytes(bytes(256)), std::length_error);
    EXPECT_THROW(to.large_bytes(bytes(65'536)), std::length_error);
    EXPECT_THROW(to.list_count(256), std::length_error);
    EXPECT_TRUE(out.empty());
    EXPECT_NO_THROW(to.short_bytes(bytes(255)));
    EXPECT_NO_THROW(to.large_bytes(bytes(65'535)));
}

TEST(writer, fills_in_a_length_afterwards) {
    bytes out = {9};
    writer to(out);
    const auto begin = to.begin_large();
    to.raw("abc");
    to.end_large(begin);
    EXPECT_EQ(out, (bytes{9, 0, 3, 'a', 'b', 'c'}));
}

TEST(writer, does_not_allocate_within_the_capacity) {
    bytes out;
    out.reserve(64);
    const auto* data = out.data();
    writer(out).u32(1).short_text("abc").fill(40, '#');
    EXPECT_EQ(out.data(), data);
}

TEST(version_range, agreement) {
    const version_range ours{6, 17};
    EXPECT_EQ(ours.agree({1, 7}), 7);
    EXPECT_EQ(ours.agree({17, 20}), 17);
    EXPECT_EQ(ours.agree({18, 20}), std::nullopt);
    EXPECT_EQ(ours.intersect({8, 30}), (version_range{8, 17}));
    EXPECT_TRUE(ours.contains(6));
    EXPECT_FALSE(ours.contains(18));
}

} // namespace
} // namespace plexus::encoding
