#include "onion_services.hpp"

#include "key_file.hpp"

#include "plexus/net/socket.hpp"

struct plexus_onion_handle {
    std::shared_ptr<plexus::transport_tor::onion_services::service> shared;
};

namespace plexus::transport_tor {
namespace {

constexpr std::size_t most_ports = 32;
constexpr std::size_t most_clients = 256;

class host_random final : public crypto::random_source {
  public:
    explicit host_random(const plexus_random* table) : table_(table) {}
    void fill(bytes_span out) override {
        table_->fill(table_->service.self, plexus_span{out.data(), out.size()});
    }

  private:
    const plexus_random* table_;
};

result<tor_control::onion_port> port_of(const plexus_onion_port& from) {
    constexpr std::uint32_t most = 65'535;
    if (from.shown == 0 || from.shown > most || from.local == 0 || from.local > most)
        return make_error(status::invalid, "an onion service's ports are from 1 to 65535");
    const auto address =
        from.local_address.size == 0 ? std::string_view("127.0.0.1") : text_of(from.local_address);
    const auto numeric = net::numeric(address, from.local);
    if (!numeric)
        return make_error(status::invalid,
                          std::string(address) + " is no numeric address that an onion service can lead to");
    return tor_control::onion_port{static_cast<std::uint16_t>(from.shown), net::shown(*numeric)};
}

} // namespace

struct onion_services::service {
    // From its making on:
    std::uint32_t shard = 0;
    const plexus_onion_handler* handler = nullptr;
    void* context = nullptr;
    std::string key_file;
    std::vector<tor_control::onion_port> ports;
    std::vector<std::string> clients;
    // On its shard:
    bool gone = false;
    // On shard 0:
    std::optional<tor_control::onion_key> key;
    std::uint32_t state = 0;
    std::string summary;
};

result<plexus_onion_handle*> onion_services::publish(const plexus_onion_options& options,
                                                     const plexus_onion_handler* handler, void* context) {
    if (options.port_count == 0 || options.port_count > most_ports)
        return make_error(status::invalid,
                          "an onion service has 1 to " + std::to_string(most_ports) + " ports");
    if (options.client_count > most_clients)
        return make_error(status::limit, std::to_string(options.client_count) +
                                             " clients of an onion service; " + std::to_string(most_clients) +
                                             " are allowed");
    if (account_.stopping() || account_.loop.current_shard() < 0)
        return make_error(status::stopping, "tor is on its way down");
    const auto one = std::make_shared<service>();
    one->shard = static_cast<std::uint32_t>(account_.loop.current_shard());
    one->handler = handler;
    one->context = context;
    one->key_file = text_of(options.key_file);
    for (std::uint32_t i = 0; i < options.port_count; ++i) {
        PLEXUS_TRY(auto port, port_of(options.ports[i]));
        one->ports.push_back(std::move(port));
    }
    for (std::uint32_t i = 0; i < options.client_count; ++i) {
        auto client = tor_control::parse_authorized_client(text_of(options.clients[i]));
        if (!client)
            return make_error(status::invalid,
                              "a client of an onion service is written \"descriptor:x25519:\" and 52 letters "
                              "and digits, its public key");
        one->clients.push_back(std::move(*client));
    }
    auto made = std::make_unique<plexus_onion_handle>(plexus_onion_handle{one});
    account_.loop.post(0, [this, one, kept = net::hold(account_)] { load(one); });
    return made.release();
}

void onion_services::unpublish(plexus_onion_handle* handle) {
    const std::unique_ptr<plexus_onion_handle> mine(handle);
    mine->shared->gone = true;
    account_.loop.post(0, [this, one = mine->shared, kept = net::hold(account_)] { withdraw(one); });
}

void onion_services::tell(const shared& one, std::function<void(service&)> what) {
    account_.loop.post(one->shard, [one, what = std::move(what), kept = net::hold(account_)] {
        if (!one->gone) what(*one);
    });
}

void onion_services::change(const shared& one, std::uint32_t state, std::string summary) {
    if (one->state == state && one->summary == summary) return;
    one->state = state;
    one->summary = summary;
    tell(one, [state, summary = std::move(summary)](service& to) {
        to.handler->changed(to.context, state, to_abi(std::string_view(summary)));
    });
}

// ---- the key

void onion_services::load(const shared& one) {
    services_.push_back(one);
    const auto outcome = std::make_shared<std::optional<result<tor_control::onion_key>>>();
    const auto work = [outcome, path = one->key_file, table = random_] {
        host_random random(table);
        outcome->emplace(load_or_make_key(path, random));
    };
    const auto done = [this, one, outcome, kept = std::make_shared<net::hold>(account_)] {
        loaded(one, std::move(**outcome));
    };
    files_.submit(work, done);
}

void onion_services::loaded(const shared& one, result<tor_control::onion_key> key) {
    if (std::find(services_.begin(), services_.end(), one) == services_.end()) return; // withdrawn
    if (!key) {
        log_.error("the onion service cannot be published", {{"why", key.error().message()}});
        tell(one, [why = key.error()](service& to) {
            const auto lent = lend(why);
            to.handler->failed(to.context, status_of(why), &lent);
        });
        return;
    }
    one->key = std::move(*key);
    tell(one, [host = one->key->host()](service& to) {
        to.handler->named(to.context, to_abi(std::string_view(host)));
    });
    if (session_ != nullptr)
        tasks_.spawn(announce(one));
    else
        change(one, PLEXUS_ONION_WAITING, "it waits for tor");
}

// ---- tor

void onion_services::up(control_session& session) {
    session_ = &session;
    for (const auto& each : services_)
        if (each->key) tasks_.spawn(announce(each));
}

void onion_services::down() {
    session_ = nullptr;
    for (const auto& each : services_)
        if (each->key) change(each, PLEXUS_ONION_WAITING, "it waits for tor");
}

task<void> onion_services::announce(shared one) {
    change(one, PLEXUS_ONION_WAITING, "tor is told of it");
    control_session* const asked = session_;
    auto line = tor_control::add_onion(*one->key, one->ports, one->clients);
    auto said = co_await asked->ask(std::move(line));
    if (!said || session_ != asked) co_return; // tor is gone, and it is told again
    constexpr unsigned collision = 550;        // it is there already
    if (said->is_success() || said->code == collision) {
        if (one->state != PLEXUS_ONION_PUBLISHED)
            change(one, PLEXUS_ONION_WAITING, "its descriptor is being published");
        co_return;
    }
    log_.error("tor refuses the onion service", {{"host", one->key->host()}, {"why", said->text()}});
    change(one, PLEXUS_ONION_REFUSED, "tor refuses it: " + said->text());
}

void onion_services::told(const tor_control::descriptor_event& what) {
    using kind = tor_control::descriptor_event::kind;
    for (const auto& each : services_) {
        if (!each->key || each->key->host() != what.service + ".onion") continue;
        if (what.what == kind::uploaded && each->state != PLEXUS_ONION_PUBLISHED) {
            log_.info("the onion service is published", {{"host", each->key->host()}});
            change(each, PLEXUS_ONION_PUBLISHED, "clients can find it");
        }
        if (what.what == kind::failed && each->state == PLEXUS_ONION_WAITING)
            change(each, PLEXUS_ONION_WAITING, "a relay did not take its descriptor: " + what.reason);
    }
}

void onion_services::withdraw(const shared& one) {
    const auto found = std::find(services_.begin(), services_.end(), one);
    if (found == services_.end()) return;
    services_.erase(found);
    if (session_ == nullptr || !one->key) return;
    const auto drop = [](control_session* from, shared which) -> task<void> {
        auto line = tor_control::command(tor_control::delete_onion(which->key->host()));
        static_cast<void>(co_await from->ask(std::move(line)));
    };
    tasks_.spawn(drop(session_, one));
}

task<void> onion_services::stop() {
    services_.clear();
    session_ = nullptr;
    tasks_.cancel();
    co_await tasks_.drained();
}

} // namespace plexus::transport_tor
