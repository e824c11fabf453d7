#include "process_stats.hpp"

#include "tls_peer.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

namespace plexus::bench {
namespace {

TEST(process_stats, reads_what_this_process_uses) {
    const auto before = cpu_of(getpid());
    ASSERT_TRUE(before);
    volatile std::uint64_t work = 0;
    for (int i = 0; i < 1'000'000; ++i) work = work + 1;
    const auto after = cpu_of(getpid());
    ASSERT_TRUE(after);
    EXPECT_GT(*after, *before);
    const auto memory = memory_of(getpid());
    ASSERT_TRUE(memory);
    EXPECT_GT(memory->anonymous, 4096U);
    EXPECT_GT(memory->file, 4096U);
}

TEST(process_stats, says_when_a_process_is_gone) {
    const pid_t gone = fork();
    if (gone == 0) _exit(0);
    waitpid(gone, nullptr, 0);
    EXPECT_FALSE(cpu_of(gone));
    EXPECT_FALSE(memory_of(gone));
    EXPECT_FALSE(find_process(std::to_string(gone)));
}

TEST(process_stats, finds_processes) {
    EXPECT_EQ(*find_process(std::to_string(getpid())), getpid());
    const auto none = find_process("no-such-program");
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message(), ::testing::HasSubstr("'no-such-program'"));
}

TEST(process_stats, finds_who_listens_on_a_port) {
    const auto [listening, port] = listen_on_loopback();
    const auto found = find_listener(port);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(*found, getpid());
    close(listening);
}

} // namespace
} // namespace plexus::bench
