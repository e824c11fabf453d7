// smp-server: the SimpleX messaging server, and the command `init` that makes the folder of one.
#include "init_command.hpp"
#include "onion.hpp"
#include "operations.hpp"
#include "server_folder.hpp"

#include "plexus/abi/draft/http.h"
#include "plexus/abi/draft/resolver.h"
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"
#include "plexus/plugin.hpp"
#include "plexus/smp/address.hpp"

namespace plexus::smp_server {
namespace {

constexpr std::array keys = {
    plexus_key{"address", PLEXUS_KEY_TEXT, 0, "", nullptr, 0, 0,
               "numeric address to listen on; empty: every IPv4 and IPv6 address"},
    plexus_key{"port", PLEXUS_KEY_INTEGER, 0, "5223", nullptr, 0, 65'535, "port to listen on; 0: a free one"},
    plexus_key{"more-ports", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "further ports, for example \"443\""},
    plexus_key{"hosts", PLEXUS_KEY_TEXT_LIST, PLEXUS_KEY_RELOADABLE, nullptr, nullptr, 0, 0,
               "names under which clients reach the server, as in its address"},
    plexus_key{"onion", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
               "publish every port as an onion service of Tor, whose name the address gets; needs "
               "[plugin.transport-tor]"},
    plexus_key{"onion-key", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "onion.key", nullptr, 0, 0,
               "file of the onion service's key, in the form of tor's hs_ed25519_secret_key; made if it is "
               "not there"},
    plexus_key{"onion-clients", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "who may connect to the onion service, \"descriptor:x25519:PUBLIC-KEY\" each; none: whoever "
               "knows its "
               "name"},
    plexus_key{"address-file", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "", nullptr, 0, 0,
               "file that the server's address, with the password, is kept in; empty: none"},
    plexus_key{"certificate-chain", PLEXUS_KEY_TEXT,
               PLEXUS_KEY_REQUIRED | PLEXUS_KEY_PATH | PLEXUS_KEY_RELOADABLE, nullptr, nullptr, 0, 0,
               "PEM file: the server's certificate, then the one that its address names"},
    plexus_key{"private-key", PLEXUS_KEY_TEXT, PLEXUS_KEY_REQUIRED | PLEXUS_KEY_PATH | PLEXUS_KEY_RELOADABLE,
               nullptr, nullptr, 0, 0, "PEM file: the private key of the server's certificate"},
    plexus_key{"web-certificate-chain", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH | PLEXUS_KEY_RELOADABLE, "", nullptr,
               0, 0,
               "PEM file: a certificate that browsers take, and its issuers. Clients that name the server "
               "(SNI) get the "
               "pages of smp-web; empty: nobody does"},
    plexus_key{"web-private-key", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH | PLEXUS_KEY_RELOADABLE, "", nullptr, 0, 0,
               "PEM file: its private key"},
    plexus_key{"password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET | PLEXUS_KEY_RELOADABLE, "", nullptr, 0, 0,
               "asked from clients that create queues; empty: anybody may"},
    plexus_key{"new-queues", PLEXUS_KEY_BOOLEAN, PLEXUS_KEY_RELOADABLE, "true", nullptr, 0, 0,
               "whether queues may be created"},
    plexus_key{"quota", PLEXUS_KEY_INTEGER, PLEXUS_KEY_RELOADABLE, "128", nullptr, 1, 10'000,
               "messages that wait in a queue at the most"},
    plexus_key{"message-lifetime", PLEXUS_KEY_DURATION, PLEXUS_KEY_RELOADABLE, "21d", nullptr, 0, 0,
               "after which a message that nobody took is dropped; 0s: never"},
    plexus_key{"expire-interval", PLEXUS_KEY_DURATION, 0, "2h", nullptr, 1'000'000'000, 864'000'000'000'000,
               "how often the store is searched for messages that are too old"},
    plexus_key{"max-connections", PLEXUS_KEY_INTEGER, 0, "100000", nullptr, 1, 10'000'000,
               "clients at once; more are closed"},
    plexus_key{
        "max-connections-per-address", PLEXUS_KEY_INTEGER, 0, "0", nullptr, 0, 10'000'000,
        "the same of one source: an IPv4 address or an IPv6 /64; 0: no limit. All clients that come through "
        "Tor, or through a balancer, have one"},
    plexus_key{
        "memory-limit", PLEXUS_KEY_INTEGER, 0, "0", nullptr, 0, 1'048'576,
        "megabytes of memory of its own; 0: no limit. From 80 % of it on cached queues are given up, from 90 "
        "% "
        "new clients and idle sessions of the proxy, at the limit connected clients, those first that take "
        "least of what they are sent"},
    plexus_key{"suspended-lifetime", PLEXUS_KEY_DURATION, PLEXUS_KEY_RELOADABLE, "0s", nullptr, 0, 0,
               "after which a suspended queue is removed; 0s: never"},
    plexus_key{"verify-budget", PLEXUS_KEY_INTEGER, PLEXUS_KEY_RELOADABLE, "256", nullptr, 16, 100'000,
               "signatures of one client a second that do not verify; its further commands wait"},
    plexus_key{"refusal-delay", PLEXUS_KEY_DURATION, PLEXUS_KEY_RELOADABLE, "20ms", nullptr, 0, 1'000'000'000,
               "after its command a refusal (AUTH) is sent, whatever the reason: its time tells nothing"},
    plexus_key{"max-subscriptions", PLEXUS_KEY_INTEGER, PLEXUS_KEY_RELOADABLE, "1000000", nullptr, 1,
               100'000'000, "queues that one connection may subscribe to on each shard"},
    plexus_key{"handshake-timeout", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 100'000'000, 600'000'000'000,
               "until a client that is connected has said its hello"},
    plexus_key{"write-timeout", PLEXUS_KEY_DURATION, PLEXUS_KEY_RELOADABLE, "60s", nullptr, 1'000'000'000,
               3'600'000'000'000, "after which a client that takes nothing of what it is sent is closed"},
    plexus_key{"proxy", PLEXUS_KEY_BOOLEAN, 0, "true", nullptr, 0, 0,
               "whether clients may send to other servers through this one; with a password, only those who "
               "know it"},
    plexus_key{"proxy-allow-private", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
               "whether those servers may have private, loopback or link-local addresses"},
    plexus_key{"proxy-own-domains", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "servers with names in these domains are counted as the owner's own"},
    plexus_key{"proxy-destinations", PLEXUS_KEY_INTEGER, 0, "1024", nullptr, 1, 1'000'000,
               "servers that there is a session with, or that failed of late"},
    plexus_key{
        "proxy-requests", PLEXUS_KEY_INTEGER, 0, "4096", nullptr, 1, 1'000'000,
        "commands for other servers that wait for an answer; no more than a quarter of them for one server"},
    plexus_key{"proxy-client-requests", PLEXUS_KEY_INTEGER, PLEXUS_KEY_RELOADABLE, "32", nullptr, 1, 10'000,
               "the same of one client; its further commands wait"},
    plexus_key{"proxy-connect-timeout", PLEXUS_KEY_DURATION, 0, "45s", nullptr, 100'000'000, 600'000'000'000,
               "until another server is connected"},
    plexus_key{"proxy-timeout", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 100'000'000, 600'000'000'000,
               "for the answer of another server"},
    plexus_key{"proxy-retry", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 0, 86'400'000'000'000,
               "how long another server that failed is not dialed again"},
    plexus_key{"proxy-idle", PLEXUS_KEY_DURATION, 0, "30m", nullptr, 1'000'000'000, 864'000'000'000'000,
               "after which a session with another server that nobody uses is closed"},
    plexus_key{"idle-timeout", PLEXUS_KEY_DURATION, PLEXUS_KEY_RELOADABLE, "6h", nullptr, 1'000'000'000,
               864'000'000'000'000,
               "after which a client without subscriptions that neither sends nor gets anything is closed"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_LISTEN, PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_FS_STATE,
                                        PLEXUS_CAP_KEYS, nullptr};
constexpr const char* provides[] = {PLEXUS_COMMAND_ID, PLEXUS_SMP_SERVER_ID, nullptr};
constexpr const char* needs[] = {PLEXUS_LISTENER_ID, PLEXUS_STORE_ID, nullptr};

constexpr const char* uses[] = {PLEXUS_NETWORK_ID, PLEXUS_HTTP_ID, PLEXUS_ONION_ID, PLEXUS_NAME_RESOLVER_ID,
                                nullptr};

constexpr plugin_info info = {
    .id = "smp-server",
    .version = "0.1.0",
    .summary = "The SimpleX messaging server: queues for messages, over SMP 6 to 20",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = needs,
    .uses = uses,
    .keys = keys,
    .commands = init_commands,
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref of) : plugin_base(of) {
        command_.service = {sizeof command_, 0, this};
        command_.run = [](void* self, const char* name, const plexus_config* options,
                          const plexus_view* arguments, std::uint32_t count,
                          void (*print)(void*, std::uint32_t, plexus_view), void* context,
                          std::int32_t* exit_code, plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                auto* me = static_cast<plugin*>(self);
                init_call call;
                call.options = config_view(options);
                for (std::uint32_t i = 0; i < count; ++i) call.arguments.emplace_back(text_of(arguments[i]));
                call.print = [print, context](std::string_view text) { print(context, 0, to_abi(text)); };
                call.note = [print, context](std::string_view text) { print(context, 1, to_abi(text)); };
                call.host = me->host();
                call.random = me->host().service<plexus_random>(PLEXUS_RANDOM_ID);
                call.clock = me->host().service<plexus_clock>(PLEXUS_CLOCK_ID);
                PLEXUS_TRY(*exit_code, run_command(name, call));
                return {};
            });
        };
    }

    result<void> init() override {
        const config_view config = host().config();
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(const auto* random, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        PLEXUS_TRY(const auto* store, host().require<plexus_store>(PLEXUS_STORE_ID));
        PLEXUS_TRY(const auto* listener, host().require<plexus_listener>(PLEXUS_LISTENER_ID));
        listeners_.emplace(listener);
        http_ = host().service<plexus_http>(PLEXUS_HTTP_ID);
        PLEXUS_TRY(credentials_, read_credentials(config));
        if (!credentials_.web_chain.empty() && http_ == nullptr)
            return make_error(status::invalid,
                              "web-certificate-chain is for the pages of smp-web: add [plugin.smp-web]");
        PLEXUS_CHECK(prepare_onion(config, random));
        PLEXUS_TRY(auto queues, settings_of(config));
        const auto limits = limits_of(config);
        server_metrics metrics;
        metrics.connections = host().gauge("smp_connections", "clients that are connected");
        metrics.messages_delivered =
            host().counter("smp_messages_delivered_total", "messages sent to recipients");
        metrics.queues_created = host().counter("smp_queues_created_total", "queues that were created");
        setup_.emplace(
            server_setup{loop_ref(loop), clock_view(clock), host().log(), host_random(random),
                         credentials_.identity, std::move(queues), limits, store_ref(store), tables{},
                         metrics, host().service<plexus_network>(PLEXUS_NETWORK_ID), config.boolean("proxy"),
                         proxy_limits_of(config, loop_ref(loop).shard_count()),
                         static_cast<std::size_t>(config.integer("memory-limit").value_or(0)) << 20,
                         host().service<plexus_name_resolver>(PLEXUS_NAME_RESOLVER_ID)});
        return {};
    }

    task<result<void>> start() override {
        auto opened = open_tables(setup_->store);
        if (!opened) co_return std::move(opened).error();
        setup_->opened = *opened;
        if (setup_->allow_proxy && setup_->network == nullptr)
            host().log().warning(
                "private routing is off, since nothing reaches other servers: add [plugin.network], "
                "or set proxy = false");
        auto epoch = co_await next_epoch();
        if (!epoch) co_return std::move(epoch).error();
        server_.emplace(std::move(*setup_), *epoch);
        auto ready = co_await server_->start();
        if (!ready) co_return ready;
        auto counting = co_await operations_.start(*server_, *listeners_);
        auto listening = counting ? listen() : counting;
        if (listening && onion_) listening = publish();
        if (!listening) {
            onion_.reset();
            co_await listeners_->close();
            co_await operations_.stop();
            co_await server_->stop();
            co_return listening;
        }
        const auto interval = host().config().duration("expire-interval").value_or(std::chrono::hours(2));
        tasks_.spawn(server_->expire_messages(interval));
        tasks_.spawn(server_->expire_suspended(interval));
        say_where(host().config());
        if (http_ != nullptr) http_->attach(http_->service.self, &operations_.table());
        co_return result<void>();
    }

    task<result<void>> stop() override {
        tasks_.cancel();
        onion_.reset();
        if (http_ != nullptr) http_->attach(http_->service.self, nullptr);
        co_await listeners_->close();
        co_await tasks_.drained();
        co_await operations_.stop();
        if (server_) co_await server_->stop();
        co_return result<void>();
    }

    result<void> reload(const config_view& values) override {
        PLEXUS_TRY(auto fresh, read_credentials(values));
        if (fresh.identity->fingerprint != credentials_.identity->fingerprint)
            return make_error(status::invalid,
                              "certificate-chain has another authority: that would be another address, "
                              "and needs a restart");
        if (!fresh.web_chain.empty() && http_ == nullptr)
            return make_error(status::invalid, "web-certificate-chain needs [plugin.smp-web], and a restart");
        PLEXUS_TRY(const auto queues, settings_of(values));
        const auto limits = limits_of(values);
        if (auto shown = listeners_->show(fresh); !shown) {
            static_cast<void>(listeners_->show(credentials_));
            return shown;
        }
        if (fresh.chain != credentials_.chain) host().log().info("the server's certificate is a new one");
        if (fresh.web_chain != credentials_.web_chain) host().log().info("the web certificate is a new one");
        credentials_ = std::move(fresh);
        has_web_ = !credentials_.web_chain.empty();
        for (std::uint32_t i = 0; i < server_->size(); ++i)
            server_->send(i, [this, i, queues, limits, identity = credentials_.identity] {
                server_->at(i).take_over(queues, limits, identity);
            });
        operations_.describe(information_of(values));
        if (auto kept = write_address(values); !kept)
            host().log().warning("the address is not kept", {{"why", kept.error().message()}});
        return {};
    }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_SMP_SERVER_ID) return &operations_.table().service;
        return id == PLEXUS_COMMAND_ID ? &command_.service : nullptr;
    }

  private:
    static result<settings> settings_of(const config_view& config) {
        settings out;
        const auto password = config.text("password").value_or("");
        if (!smp::is_password(as_bytes(password)))
            return make_error(status::invalid, "the password may not have spaces, '@', ':' or '/'");
        out.password = secret_bytes(as_bytes(password));
        out.allow_new_queues = config.boolean("new-queues");
        out.quota = static_cast<std::uint32_t>(config.integer("quota").value_or(out.quota));
        out.message_ttl = std::chrono::duration_cast<std::chrono::seconds>(
                              config.duration("message-lifetime").value_or(std::chrono::nanoseconds(0)))
                              .count();
        out.suspended_ttl = std::chrono::duration_cast<std::chrono::seconds>(
                                config.duration("suspended-lifetime").value_or(std::chrono::nanoseconds(0)))
                                .count();
        out.most_subscriptions = static_cast<std::size_t>(config.integer("max-subscriptions").value_or(0));
        return out;
    }

    static connection_limits limits_of(const config_view& config) {
        connection_limits out;
        out.hello = config.duration("handshake-timeout").value_or(out.hello);
        out.write = config.duration("write-timeout").value_or(out.write);
        out.most_proxied = static_cast<std::size_t>(config.integer("proxy-client-requests").value_or(32));
        out.refusals = static_cast<std::size_t>(config.integer("verify-budget").value_or(256));
        out.refusal_delay = config.duration("refusal-delay").value_or(out.refusal_delay);
        out.idle = config.duration("idle-timeout").value_or(out.idle);
        return out;
    }

    /// Each shard has its part of what the whole server may do.
    static proxy_limits proxy_limits_of(const config_view& config, std::uint32_t shards) {
        const auto part = [&](const char* key) {
            return (static_cast<std::size_t>(config.integer(key).value_or(1)) + shards - 1) / shards;
        };
        proxy_limits out;
        out.allow_private = config.boolean("proxy-allow-private");
        for (const auto domain : config.list("proxy-own-domains")) out.own_domains.emplace_back(domain);
        out.destinations = part("proxy-destinations");
        out.dialing = std::max<std::size_t>(out.destinations / 8, 1);
        out.waiting = part("proxy-requests");
        out.retry = config.duration("proxy-retry").value_or(out.retry);
        out.times.connect = config.duration("proxy-connect-timeout").value_or(out.times.connect);
        out.times.response = config.duration("proxy-timeout").value_or(out.times.response);
        out.times.idle = config.duration("proxy-idle").value_or(out.times.idle);
        return out;
    }

    /// Counts the starts of the server, so that arrival numbers never come again.
    task<result<std::uint64_t>> next_epoch() {
        const auto key = to_bytes(std::string_view("epoch"));
        auto stored = co_await setup_->store.get(setup_->opened.meta, key);
        if (!stored) co_return std::move(stored).error();
        std::uint64_t epoch = 1;
        if (*stored) epoch = encoding::reader(**stored).u64() + 1;
        bytes value;
        encoding::writer(value).u64(epoch);
        write_batch batch;
        batch.put(setup_->opened.meta, key, value);
        auto written = co_await setup_->store.commit(std::move(batch));
        if (!written) co_return std::move(written).error();
        co_return epoch;
    }

    result<void> listen() {
        const auto accepted = [](void* context, plexus_stream* raw) {
            auto& self = *static_cast<plugin*>(context);
            plexus_view name{};
            const bool by_name = self.http_ != nullptr &&
                                 raw->api->get_info(raw, PLEXUS_STREAM_SNI, 0, &name) == PLEXUS_OK &&
                                 name.size != 0 && self.has_web_;
            if (by_name)
                self.http_->accept(self.http_->service.self, raw);
            else
                self.server_->accept(raw);
        };
        has_web_ = !credentials_.web_chain.empty();
        return listeners_->open(host().config(), credentials_, accepted, this);
    }

    /// The name is known before anything runs: it is a matter of the key.
    result<void> prepare_onion(const config_view& config, const plexus_random* random) {
        if (config.boolean("onion")) {
            const auto* table = host().service<plexus_onion>(PLEXUS_ONION_ID);
            if (table == nullptr)
                return make_error(status::invalid, "onion = true is done by tor: add [plugin.transport-tor]");
            host_random source(random);
            PLEXUS_TRY(onion_name_, onion_name(std::string(config.text("onion-key").value_or("")), source));
            onion_.emplace(table, host().log());
        }
        port_ = static_cast<std::uint32_t>(config.integer("port").value_or(smp::default_port));
        return write_address(config);
    }

    /// As clients need it, with the password. A port that is not known before it is open is in no file.
    result<void> write_address(const config_view& config) const {
        const std::string file(config.text("address-file").value_or(""));
        if (file.empty() || config.integer("port").value_or(0) == 0) return {};
        auto address = address_of(config);
        address.password = secret_bytes(as_bytes(config.text("password").value_or("")));
        return replace_file(file, as_bytes(smp::to_text(address) + "\n"), for_owner);
    }

    result<void> publish() {
        const auto config = host().config();
        return onion_->publish(std::string(config.text("onion-key").value_or("")),
                               config.list("onion-clients"), config.text("address").value_or(""),
                               listeners_->ports());
    }

    smp::server_address address_of(const config_view& config) const {
        smp::server_address address;
        address.fingerprint = credentials_.identity->fingerprint;
        for (const auto host_name : config.list("hosts"))
            if (auto parsed = encoding::parse_host(host_name)) address.hosts.push_back(std::move(*parsed));
        const auto is_onion = [this](const encoding::host& each) { return each.name == onion_name_; };
        if (!onion_name_.empty() && std::none_of(address.hosts.begin(), address.hosts.end(), is_onion))
            address.hosts.push_back({encoding::host_kind::onion, onion_name_});
        if (address.hosts.empty()) address.hosts.push_back({encoding::host_kind::domain, "localhost"});
        if (port_ != smp::default_port) address.port = std::to_string(port_);
        return address;
    }

    boost::json::object information_of(const config_view& config) const {
        const auto lifetime = config.duration("message-lifetime").value_or(std::chrono::nanoseconds(0));
        return {{"program", host().raw()->name},
                {"address", smp::to_public_text(address_of(config))},
                {"messageLifetime", std::chrono::duration_cast<std::chrono::seconds>(lifetime).count()},
                {"quota", config.integer("quota").value_or(0)},
                {"newQueues", config.boolean("new-queues")},
                {"password", !config.text("password").value_or("").empty()}};
    }

    void say_where(const config_view& config) {
        port_ = listeners_->ports().front();
        operations_.describe(information_of(config));
        std::string ports;
        for (const auto port : listeners_->ports())
            ports += (ports.empty() ? "" : ",") + std::to_string(port);
        host().log().info("listening",
                          {{"port", ports}, {"address", smp::to_public_text(address_of(config))}});
    }

    plexus_command command_{};
    std::optional<listeners> listeners_;
    std::uint32_t port_ = 0; ///< in the address
    std::string onion_name_; ///< empty: it is no onion service
    std::optional<onion_publication> onion_;
    const plexus_http* http_ = nullptr;
    credentials credentials_;
    std::atomic<bool> has_web_{false}; ///< clients that name the server are HTTP's
    operations operations_;
    std::optional<server_setup> setup_;
    std::optional<server> server_;
    task_scope tasks_;
};

} // namespace
} // namespace plexus::smp_server

PLEXUS_PLUGIN(plexus::smp_server::plugin, plexus::smp_server::info)
