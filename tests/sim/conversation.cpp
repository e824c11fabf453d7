#include "conversation.hpp"

#include "plexus/abi.hpp"

#include <algorithm>
#include <stdexcept>

namespace plexus::test {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t steps_most = 3'000'000; // of one run; far more than any needs

/// A message that somebody sends, again after each crash until the agent has taken it.
struct sent_message {
    std::string text;
    bool accepted = false;
};

/// One direction of a connection.
struct direction {
    agent_user* from = nullptr;
    agent_user* to = nullptr;
    std::uint64_t from_connection = 0;
    std::uint64_t to_connection = 0;
    std::string tag;
    std::deque<sent_message> sent;
};

/// What an asynchronous call of the agent answered.
struct answer {
    bool settled = false;
    std::int32_t status = PLEXUS_OK;
    std::string message;
    std::uint64_t connection = 0;
    std::string link;

    void settle(std::int32_t code, const plexus_error* failure) {
        settled = true;
        status = code;
        if (code != PLEXUS_OK) message = from_abi(code, failure).message();
    }
};

class conversation {
  public:
    conversation(std::uint64_t seed, std::function<void(const std::string&)> tell)
        : world_(seed), tell_(std::move(tell)) {
        auto& net = world_.network();
        net.delay_most_ns = 1'000'000 + world_.choose(200) * 1'000'000;
        net.window_most = 5'000 + world_.choose(200'000);
        net.partial_percent = static_cast<std::uint32_t>(world_.choose(60));
        fault_rarity_ = 100 + world_.choose(700);
        const std::size_t server_count = 1 + world_.choose(2);
        // A small quota is met often.
        const std::string quota =
            world_.choose(3) == 0 ? "quota = " + std::to_string(2 + world_.choose(6)) + "\n" : "";
        for (std::size_t i = 0; i < server_count; ++i) {
            servers_.push_back(std::make_unique<smp_machine>(world_, "server" + std::to_string(i), quota));
            servers_.back()->host().start();
        }
        const std::size_t user_count = 2 + world_.choose(2);
        for (std::size_t i = 0; i < user_count; ++i) {
            const std::string name(1, static_cast<char>('a' + i));
            users_.push_back(
                std::make_unique<agent_user>(world_, name, servers_[i % server_count]->address()));
            users_.back()->start();
            safe_.push_back(false);
        }
    }

    run_report run() {
        try {
            for (std::size_t i = 0; i + 1 < users_.size(); ++i) connect(i, i + 1);
            talk();
            settle();
            check();
        } catch (const std::exception& e) {
            problem(e.what());
        }
        end();
        report_.trace = world_.trace();
        report_.steps = world_.steps();
        return std::move(report_);
    }

  private:
    void say(const std::string& line) {
        if (tell_) tell_(std::to_string(world_.now().count() / 1'000'000) + " ms: " + line);
    }
    void problem(std::string what) {
        say("PROBLEM " + what);
        report_.problems.push_back(std::move(what));
    }

    // ---- running and disturbing

    std::string any_host() {
        const std::size_t which = world_.choose(users_.size());
        return users_[which]->host().host();
    }
    std::string any_server() { return servers_[world_.choose(servers_.size())]->host().host(); }

    void disturb() {
        const std::uint64_t kind = world_.choose(100);
        if (kind < 30) {
            const std::string host = any_host();
            const std::string server = any_server();
            say("cut " + host + " " + server);
            world_.cut(host, server);
            ++report_.cuts;
        } else if (kind < 55) {
            const std::string host = any_host();
            const std::string server = any_server();
            const auto time = std::chrono::milliseconds(world_.choose(90'000));
            say("stall " + host + " " + server + " " + std::to_string(time.count()) + " ms");
            world_.stall(host, server, time);
            ++report_.stalls;
        } else if (kind < 75) {
            crash_server();
        } else {
            crash_user(world_.choose(users_.size()));
        }
    }

    /// Away for a while; a new start may itself be interrupted.
    void come_back(machine& host) {
        if (world_.choose(3) == 0) world_.run_for(std::chrono::milliseconds(world_.choose(60'000)));
        while (world_.choose(4) == 0) {
            host.begin_start();
            for (std::uint64_t left = world_.choose(60); left > 0; --left) world_.step();
            say("crash " + host.host() + " while it starts");
            host.crash();
            ++report_.crashes;
        }
    }
    void crash_server() {
        auto& host = servers_[world_.choose(servers_.size())]->host();
        say("crash " + host.host());
        host.crash();
        ++report_.crashes;
        come_back(host);
        host.start();
    }
    void crash_user(std::size_t which) {
        if (safe_[which]) return;
        auto& host = users_[which]->host();
        say("crash " + host.host());
        host.crash();
        ++report_.crashes;
        come_back(host);
        users_[which]->start();
        offer_again(*users_[which]);
    }

    /// One step, and now and then a fault.
    void step(bool faults) {
        if (world_.steps() > steps_most) throw std::runtime_error("the run does not end");
        if (faults && world_.choose(fault_rarity_) == 0) disturb();
        if (!world_.step()) throw std::runtime_error("nothing is left to do, and something is awaited");
    }
    /// Faults stop after a while, or nothing might ever get through.
    void run_until(const char* what, const std::function<bool()>& done) {
        const std::uint64_t calm_after = world_.steps() + 20'000;
        const auto limit = world_.now() + 48h;
        while (!done()) {
            if (world_.now() > limit)
                throw std::runtime_error(std::string("still waiting after two days: ") + what);
            step(world_.steps() < calm_after);
        }
    }

    const plexus_agent* agent(agent_user& user) {
        return user.host().service<plexus_agent>("agent", PLEXUS_AGENT_ID);
    }

    // ---- connecting

    std::string create(agent_user& by, std::uint64_t& connection) {
        for (;;) {
            auto made = std::make_shared<answer>();
            by.host().on_shard(0, [&] {
                plexus_agent_create_options options{};
                options.size = sizeof options;
                options.flags = static_cast<std::uint32_t>(world_.choose(2));
                const auto done = [](void* to, std::int32_t code, const plexus_error* failure,
                                     const plexus_agent_link* link) {
                    const std::unique_ptr<std::shared_ptr<answer>> mine(
                        static_cast<std::shared_ptr<answer>*>(to));
                    if (link != nullptr) {
                        (*mine)->connection = link->connection;
                        (*mine)->link =
                            std::string(text_of(link->short_.size != 0 ? link->short_ : link->full));
                    }
                    (*mine)->settle(code, failure);
                };
                auto context = std::make_unique<std::shared_ptr<answer>>(made);
                if (agent(by)->create(agent(by)->service.self, &options, done, context.get()) == PLEXUS_OK)
                    static_cast<void>(context.release());
                else
                    made->settled = true;
            });
            run_until("create", [&] { return made->settled; });
            if (made->status == PLEXUS_OK && !made->link.empty()) {
                connection = made->connection;
                return made->link;
            }
            say("create again: " + made->message);
        }
    }

    std::uint64_t join(agent_user& by, const std::string& link) {
        for (;;) {
            auto made = std::make_shared<answer>();
            by.host().on_shard(0, [&] {
                const auto done = [](void* to, std::int32_t code, const plexus_error* failure,
                                     std::uint64_t id) {
                    const std::unique_ptr<std::shared_ptr<answer>> mine(
                        static_cast<std::shared_ptr<answer>*>(to));
                    (*mine)->connection = id;
                    (*mine)->settle(code, failure);
                };
                auto context = std::make_unique<std::shared_ptr<answer>>(made);
                const std::int32_t code =
                    agent(by)->join(agent(by)->service.self, to_abi(std::string_view(link)),
                                    to_abi(std::string_view("info")), done, context.get());
                if (code == PLEXUS_OK)
                    static_cast<void>(context.release());
                else
                    made->settle(code, nullptr);
            });
            run_until("join", [&] { return made->settled; });
            if (made->status == PLEXUS_OK) return made->connection;
            say("join again: " + made->message);
        }
    }

    static std::size_t connected(const agent_user& user, std::uint64_t connection) {
        const auto events = user.kept(PLEXUS_AGENT_CONNECTED);
        return static_cast<std::size_t>(std::count_if(
            events.begin(), events.end(), [&](const auto& one) { return one.connection == connection; }));
    }

    void connect(std::size_t one, std::size_t other) {
        auto& creator = *users_[one];
        auto& joiner = *users_[other];
        say("connect " + creator.host().host() + " " + joiner.host().host());
        std::uint64_t created = 0;
        const std::string link = create(creator, created);
        // Whoever crashes before join has answered cannot know whether the link is used.
        safe_[other] = true;
        const std::uint64_t joined = join(joiner, link);
        safe_[other] = false;
        say("joined");
        run_until("connection",
                  [&] { return connected(creator, created) > 0 && connected(joiner, joined) > 0; });
        const std::string pair = creator.host().host() + joiner.host().host();
        directions_.push_back({&creator, &joiner, created, joined, pair + ">", {}});
        directions_.push_back({&joiner, &creator, joined, created, pair + "<", {}});
    }

    // ---- talking

    void send(direction& way) {
        const std::size_t size = world_.choose(8) == 0 ? world_.choose(12'000) : world_.choose(100);
        way.sent.push_back({way.tag + std::to_string(way.sent.size()) + ":" + std::string(size, '.')});
        offer(way, way.sent.size() - 1);
    }
    void offer(direction& way, std::size_t index) {
        sent_message& message = way.sent[index];
        way.from->host().on_shard(0, [&] {
            const auto done = [](void* to, std::int32_t code, const plexus_error*, std::uint64_t) {
                if (code == PLEXUS_OK) static_cast<sent_message*>(to)->accepted = true;
            };
            const auto* table = agent(*way.from);
            table->send(table->service.self, way.from_connection, index + 1, 0,
                        to_abi(std::string_view(message.text)), done, &message);
        });
    }
    /// What a user of the agent does after a restart: it cannot know which of these the agent took.
    void offer_again(const agent_user& from) {
        for (auto& way : directions_)
            for (std::size_t i = 0; way.from == &from && i < way.sent.size(); ++i)
                if (!way.sent[i].accepted) offer(way, i);
    }

    void talk() {
        const std::size_t count = 10 + world_.choose(30);
        for (std::size_t i = 0; i < count; ++i) {
            send(directions_[world_.choose(directions_.size())]);
            for (std::uint64_t left = world_.choose(150); left > 0; --left) step(true);
        }
    }

    static std::vector<std::string> received(const direction& way) {
        std::vector<std::string> out;
        for (const auto& one : way.to->kept(PLEXUS_AGENT_MESSAGE))
            if (one.connection == way.to_connection) out.push_back(one.body);
        return out;
    }
    static bool complete(const direction& way) {
        const auto arrived = received(way);
        return std::all_of(way.sent.begin(), way.sent.end(), [&](const sent_message& one) {
            return one.accepted && std::find(arrived.begin(), arrived.end(), one.text) != arrived.end();
        });
    }
    void settle() {
        fault_rarity_ *= 4;
        run_until("messages",
                  [this] { return std::all_of(directions_.begin(), directions_.end(), complete); });
        world_.run_for(10min); // for what comes twice
    }

    // ---- the ledger

    void check() {
        for (const auto& way : directions_) {
            check_order(way);
            if (connected(*way.from, way.from_connection) != 1)
                problem(way.tag + " was connected " +
                        std::to_string(connected(*way.from, way.from_connection)) + " times");
        }
        for (const auto& user : users_) {
            for (const auto& one : user->kept(PLEXUS_AGENT_MESSAGE))
                if (one.integrity != PLEXUS_INTEGRITY_OK)
                    problem(user->host().host() + ": message " + std::to_string(one.id) + " has integrity " +
                            std::to_string(one.integrity));
            for (const auto kind : {PLEXUS_AGENT_SEND_FAILED, PLEXUS_AGENT_FAILED})
                for (const auto& one : user->kept(static_cast<std::uint32_t>(kind)))
                    problem(user->host().host() + ": event " + std::to_string(kind) + ": " + one.text);
            if (user->repeated) problem(user->host().host() + ": stored events out of order");
        }
    }

    void check_order(const direction& way) {
        std::size_t next = 0;
        for (const auto& text : received(way)) {
            const auto found = std::find_if(way.sent.begin(), way.sent.end(),
                                            [&](const sent_message& one) { return one.text == text; });
            const std::string shown = text.substr(0, text.find(':'));
            if (found == way.sent.end()) {
                problem(way.tag + " nobody sent " + shown);
                continue;
            }
            const auto index = static_cast<std::size_t>(found - way.sent.begin());
            if (index < next) problem(way.tag + " twice or out of order: " + shown);
            next = std::max(next, index + 1);
            if (found->accepted) ++report_.messages;
        }
    }

    void end() {
        const auto tidy = [this](machine& host) {
            host.stop();
            for (const auto& line : host.left_behind()) problem(host.host() + ": " + line);
        };
        try {
            for (auto& one : users_) tidy(one->host());
            for (auto& one : servers_) tidy(one->host());
        } catch (const std::exception& e) {
            problem(e.what());
        }
    }

    kernel::simulation world_;
    std::function<void(const std::string&)> tell_;
    std::vector<std::unique_ptr<smp_machine>> servers_;
    std::deque<direction> directions_; // before the users, who call into it
    std::vector<std::unique_ptr<agent_user>> users_;
    std::vector<bool> safe_;
    std::uint64_t fault_rarity_ = 0; ///< steps for each fault, about
    run_report report_;
};

} // namespace

run_report run_conversation(std::uint64_t seed, const std::function<void(const std::string&)>& tell) {
    return conversation(seed, tell).run();
}

} // namespace plexus::test
