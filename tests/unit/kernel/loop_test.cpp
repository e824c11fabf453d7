// The loop on Boost.Asio, through the seam.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "plexus/kernel/loop_backend.hpp"

namespace plexus::test {
namespace {

using kernel::activity;
using kernel::loop_backend;
using kernel::task;
using testing::ElementsAre;

class loop : public testing::Test {
  protected:
    void SetUp() override {
        kernel::asio_loop_options options;
        options.shards = 2;
        loop_ = kernel::make_asio_loop(std::move(options));
        loop_->start();
    }
    void TearDown() override { loop_->stop(); }

    /// Runs a step on a shard; it is not waited for.
    bool post(std::uint32_t shard, std::function<void()> step) {
        auto* own = new std::function<void()>(std::move(step));
        const auto run = [](void* context) {
            const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(context));
            (*mine)();
        };
        const bool posted = loop_->post(shard, task{run, own, &owner_});
        if (!posted) delete own;
        return posted;
    }

    /// Ends wait().
    void done() {
        loop_->post_loader([this] { ended_ = true; });
    }
    void wait() {
        loop_->run_loader([this] { return ended_; });
        ended_ = false;
    }
    void on_shard(std::uint32_t shard, const std::function<void()>& step) {
        ASSERT_TRUE(post(shard, [&] {
            step();
            done();
        }));
        wait();
    }

    /// Until everything that the shard has posted to itself so far ran. Order is kept between one poster and
    /// one shard, so ours may overtake its own once.
    void settle(std::uint32_t shard) {
        on_shard(shard, [] {});
        on_shard(shard, [] {});
    }

    activity owner_{"test"};
    std::unique_ptr<loop_backend> loop_;
    bool ended_ = false;
};

void call(void* context) { (*static_cast<std::function<void()>*>(context))(); }
void call_ready(void* context, std::uint32_t events) {
    (*static_cast<std::function<void(std::uint32_t)>*>(context))(events);
}

TEST_F(loop, posts_run_in_order_on_their_shard_and_never_inside_the_call) {
    std::vector<int> order;
    on_shard(1, [&] {
        for (int i = 0; i < 3; ++i)
            post(1, [&, i] {
                EXPECT_EQ(loop_->current_shard(), 1);
                order.push_back(i);
            });
        order.push_back(-1);
    });
    settle(1);
    EXPECT_THAT(order, ElementsAre(-1, 0, 1, 2));
    EXPECT_EQ(loop_->current_shard(), -1);
    EXPECT_TRUE(loop_->on_loader());
    EXPECT_EQ(loop_->shard_count(), 2U);
    EXPECT_EQ(owner_.tasks.load(), 0U);
    EXPECT_FALSE(post(2, [] {}));
}

TEST_F(loop, posts_of_many_threads_keep_the_order_of_each) {
    constexpr int count = 2000;
    std::vector<int> seen[3];
    std::vector<std::thread> posters;
    for (int poster = 0; poster < 3; ++poster)
        posters.emplace_back([&, poster] {
            for (int i = 0; i < count; ++i) post(0, [&seen, poster, i] { seen[poster].push_back(i); });
        });
    for (auto& one : posters) one.join();
    settle(0);
    for (const auto& one : seen) {
        ASSERT_EQ(one.size(), static_cast<std::size_t>(count));
        EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
    }
}

TEST_F(loop, drops_posts_after_its_end) {
    on_shard(0, [] {});
    loop_->stop();
    EXPECT_FALSE(post(0, [] { FAIL(); }));
    EXPECT_EQ(owner_.tasks.load(), 0U);
}

TEST_F(loop, runs_what_was_queued_when_it_ends) {
    int ran = 0;
    for (int i = 0; i < 100; ++i) post(0, [&] { ++ran; });
    loop_->stop();
    EXPECT_EQ(ran, 100);
}

TEST_F(loop, timers_fire_by_deadline_once_for_each_arming) {
    std::vector<std::string> order;
    std::function<void()> a = [&] { order.push_back("a"); };
    std::function<void()> b = [&] { order.push_back("b"); };
    std::function<void()> last = [&] {
        order.push_back("last");
        done();
    };
    std::unique_ptr<kernel::loop_timer> timer_a, timer_b, timer_last;
    on_shard(0, [&] {
        timer_a = loop_->make_timer({call, &a, &owner_});
        timer_b = loop_->make_timer({call, &b, &owner_});
        timer_last = loop_->make_timer({call, &last, &owner_});
    });
    post(0, [&] {
        timer_a->arm(1'000'000);
        timer_b->arm(2'000'000);
        timer_a->arm(3'000'000); // replaces: now after b
        timer_last->arm(20'000'000);
    });
    wait();
    EXPECT_THAT(order, ElementsAre("b", "a", "last"));
    on_shard(0, [&] {
        timer_a.reset();
        timer_b.reset();
        timer_last.reset();
    });
}

TEST_F(loop, a_timer_that_was_disarmed_or_destroyed_stays_silent) {
    std::vector<std::string> order;
    std::function<void()> never = [&] { order.push_back("never"); };
    std::unique_ptr<kernel::loop_timer> second, third;
    std::function<void()> first = [&] { // both are due as well
        second->disarm();
        third.reset();
        order.push_back("first");
    };
    std::function<void()> last = [&] { done(); };
    std::unique_ptr<kernel::loop_timer> timer, end;
    on_shard(0, [&] {
        timer = loop_->make_timer({call, &first, &owner_});
        second = loop_->make_timer({call, &never, &owner_});
        third = loop_->make_timer({call, &never, &owner_});
        end = loop_->make_timer({call, &last, &owner_});
    });
    post(0, [&] {
        timer->arm(0);
        second->arm(0);
        third->arm(0);
        end->arm(5'000'000);
    });
    wait();
    EXPECT_THAT(order, ElementsAre("first"));
    on_shard(0, [&] {
        timer.reset();
        second.reset();
        end.reset();
    });
}

TEST_F(loop, a_timer_armed_by_its_own_callback_lets_others_through) {
    int rounds = 0;
    bool seen = false;
    std::unique_ptr<kernel::loop_timer> timer;
    std::function<void()> again = [&] {
        if (++rounds == 1) post(0, [&] { seen = true; });
        if (seen)
            done();
        else
            timer->arm(0);
    };
    on_shard(0, [&] { timer = loop_->make_timer({call, &again, &owner_}); });
    post(0, [&] { timer->arm(0); });
    wait();
    EXPECT_TRUE(seen);
    on_shard(0, [&] { timer.reset(); });
}

class pipe_pair {
  public:
    pipe_pair() { EXPECT_EQ(pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0); }
    ~pipe_pair() {
        close(ends_[0]);
        close_writer();
    }
    pipe_pair(const pipe_pair&) = delete;
    pipe_pair& operator=(const pipe_pair&) = delete;

    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void put(const char* text) const { EXPECT_GT(write(ends_[1], text, strlen(text)), 0); }
    void close_writer() {
        if (ends_[1] >= 0) close(ends_[1]);
        ends_[1] = -1;
    }

  private:
    int ends_[2] = {-1, -1};
};

TEST_F(loop, a_watch_reports_again_until_the_bytes_are_taken) {
    pipe_pair pipe;
    std::unique_ptr<kernel::loop_watch> watch;
    std::string taken;
    int calls = 0;
    std::function<void(std::uint32_t)> ready = [&](std::uint32_t events) {
        EXPECT_EQ(events, static_cast<std::uint32_t>(PLEXUS_READABLE));
        ++calls;
        char byte = 0;
        if (calls % 2 == 0 && read(pipe.reader(), &byte, 1) == 1) taken += byte; // every second time
        if (taken == "abc") {
            watch->interest(0);
            done();
        }
    };
    on_shard(0, [&] {
        auto made = loop_->make_watch(pipe.reader(), call_ready, &ready, &owner_);
        ASSERT_TRUE(made);
        watch = std::move(made).value();
        pipe.put("abc");
    });
    settle(0);
    EXPECT_EQ(calls, 0) << "interest begins as 0";
    post(0, [&] { watch->interest(PLEXUS_READABLE); });
    wait();
    EXPECT_EQ(calls, 6);
    pipe.put("d");
    settle(0);
    on_shard(0, [&] { watch.reset(); });
    EXPECT_EQ(calls, 6) << "no interest any more";
}

TEST_F(loop, a_watch_tells_of_room_and_of_the_other_sides_end) {
    pipe_pair pipe;
    std::vector<std::uint32_t> seen;
    std::unique_ptr<kernel::loop_watch> writer, reader;
    std::function<void(std::uint32_t)> room = [&](std::uint32_t events) {
        seen.push_back(events);
        writer.reset();
        pipe.close_writer();
    };
    std::function<void(std::uint32_t)> end = [&](std::uint32_t events) {
        seen.push_back(events);
        reader.reset();
        done();
    };
    post(0, [&] {
        writer = loop_->make_watch(pipe.writer(), call_ready, &room, &owner_).value();
        reader = loop_->make_watch(pipe.reader(), call_ready, &end, &owner_).value();
        writer->interest(PLEXUS_WRITABLE);
        reader->interest(PLEXUS_READABLE);
    });
    wait();
    EXPECT_THAT(seen, ElementsAre(PLEXUS_WRITABLE, PLEXUS_READABLE | PLEXUS_HANGUP));
}

TEST_F(loop, a_watch_destroyed_by_another_in_the_same_round_stays_silent) {
    pipe_pair one, two;
    std::unique_ptr<kernel::loop_watch> first, second;
    int calls = 0;
    const auto destroy_both = [&](std::uint32_t) {
        ++calls;
        first.reset();
        second.reset();
        done();
    };
    std::function<void(std::uint32_t)> ready = destroy_both;
    post(0, [&] {
        first = loop_->make_watch(one.reader(), call_ready, &ready, &owner_).value();
        second = loop_->make_watch(two.reader(), call_ready, &ready, &owner_).value();
        one.put("x");
        two.put("x");
        first->interest(PLEXUS_READABLE);
        second->interest(PLEXUS_READABLE);
    });
    wait();
    settle(0);
    EXPECT_EQ(calls, 1);
}

TEST_F(loop, says_what_cannot_be_watched) {
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    on_shard(0, [&] {
        const auto made = loop_->make_watch(file, call_ready, nullptr, &owner_);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code(), PLEXUS_E_UNSUPPORTED);
    });
    close(file);
}

TEST_F(loop, a_worker_keeps_order_and_answers_on_the_submitting_shard) {
    std::mutex mutex;
    std::vector<std::string> order;
    const auto note = [&](const std::string& what) {
        const std::lock_guard lock(mutex);
        order.push_back(what + "@" + std::to_string(loop_->current_shard()));
    };
    std::function<void()> work_1 = [&] { note("work 1"); };
    std::function<void()> work_2 = [&] { note("work 2"); };
    std::function<void()> finished = [&] {
        note("done");
        done();
    };
    auto worker = loop_->make_worker("test-worker", &owner_);
    post(1, [&] {
        worker->submit({call, &work_1, &owner_}, {nullptr, nullptr, &owner_});
        worker->submit({call, &work_2, &owner_}, {call, &finished, &owner_});
    });
    wait();
    EXPECT_THAT(order, ElementsAre("work 1@-1", "work 2@-1", "done@1"));

    order.clear();
    std::function<void()> outside = [&] { note("done outside"); };
    worker->submit({call, &work_1, &owner_}, {call, &outside, &owner_});
    worker.reset(); // waits
    EXPECT_THAT(order, ElementsAre("work 1@-1", "done outside@-1"));
    EXPECT_EQ(owner_.tasks.load(), 0U);
}

TEST_F(loop, tasks_of_an_ended_owner_are_dropped) {
    activity gone("gone");
    bool ran = false;
    std::function<void()> step = [&] { ran = true; };
    on_shard(0, [&] {
        EXPECT_TRUE(loop_->post(0, {call, &step, &gone}));
        gone.ended = true;
    });
    settle(0);
    EXPECT_FALSE(ran);
    EXPECT_EQ(gone.tasks.load(), 0U);
}

TEST_F(loop, resolves_names_on_the_calling_shard) {
    std::vector<plexus_address> found;
    post(1, [&] {
        loop_->lookup("localhost", 5223, &owner_, [&](const kernel::lookup_result& answer) {
            EXPECT_EQ(loop_->current_shard(), 1);
            EXPECT_EQ(answer.status, PLEXUS_OK) << answer.message;
            found = answer.addresses;
            done();
        });
    });
    wait();
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().port, 5223U);
}

TEST_F(loop, random_bytes_differ_and_time_goes_on) {
    std::array<std::uint8_t, 1000> a{}, b{};
    loop_->fill_random(a);
    loop_->fill_random(b);
    EXPECT_NE(a, b);
    const auto before = loop_->monotonic_ns();
    EXPECT_GE(loop_->monotonic_ns(), before);
    EXPECT_GT(loop_->wall_ns(), 1'600'000'000'000'000'000);
}

TEST(watchdog, names_whose_callback_blocks_a_shard) {
    std::mutex mutex;
    std::condition_variable told;
    std::vector<std::string> reports;
    kernel::asio_loop_options options;
    options.shards = 1;
    options.watchdog_ns = 1'000'000;
    options.stalled = [&](std::uint32_t shard, const std::string& instance) {
        const std::lock_guard lock(mutex);
        reports.push_back(instance + " on " + std::to_string(shard));
        told.notify_all();
    };
    const auto loop = kernel::make_asio_loop(std::move(options));
    loop->start();
    activity owner("slow");
    std::function<void()> blocking = [&] { // until the watchdog has seen it
        std::unique_lock lock(mutex);
        told.wait(lock, [&] { return !reports.empty(); });
    };
    ASSERT_TRUE(loop->post(0, {call, &blocking, &owner}));
    loop->stop();
    EXPECT_THAT(reports, ElementsAre("slow on 0"));
}

} // namespace
} // namespace plexus::test
