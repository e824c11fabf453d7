#include "agent_user.hpp"

#include "vectors.hpp"

#include "plexus/abi.hpp"
#include "plexus/smp/address.hpp"

#include <fstream>
#include <stdexcept>

namespace plexus::test {

namespace {

/// A name for a store-memory that nobody in this process had before.
std::string new_image() {
    static int count = 0;
    return "image-" + std::to_string(++count);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

} // namespace

smp_machine::smp_machine(kernel::simulation& world, const std::string& host, const std::string& more) {
    const auto vector = vectors("handshake.json", "serverCertificates").at(0);
    auto pattern = (std::filesystem::temp_directory_path() / "plexus-agent-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    write_file(folder_ / "chain.crt", text_field(vector, "serverCertPem") + text_field(vector, "caCertPem"));
    write_file(folder_ / "server.key", text_field(vector, "serverKeyPem"));
    std::filesystem::permissions(folder_ / "server.key", std::filesystem::perms::owner_read);

    smp::server_address address;
    const auto fingerprint = hex_field(vector, "fingerprint");
    std::copy(fingerprint.begin(), fingerprint.end(), address.fingerprint.begin());
    address.hosts = {{encoding::host_kind::domain, host}};
    address_ = smp::to_text(address);
    machine_ = std::make_unique<machine>(world, host,
                                         "[plugin.transport]\nlibrary = 'transport-sim'\n[plugin.network]\n"
                                         "[plugin.store]\nlibrary = 'store-memory'\nimage = '" +
                                             new_image() +
                                             "'\n"
                                             "[plugin.smp-server]\nhosts = ['" +
                                             host +
                                             "']\n"
                                             "certificate-chain = '" +
                                             (folder_ / "chain.crt").string() + "'\nprivate-key = '" +
                                             (folder_ / "server.key").string() + "'\n" + more);
}

smp_machine::~smp_machine() {
    machine_.reset();
    std::filesystem::remove_all(folder_);
}

struct agent_user::outcome {
    bool done = false;
    std::int32_t status = PLEXUS_OK;
    std::string message;
    std::uint64_t number = 0;
    link made;
    std::string text;

    void settle(std::int32_t code, const plexus_error* failure) {
        status = code;
        if (code != PLEXUS_OK) message = from_abi(code, failure).message();
        done = true;
    }
};

agent_user::agent_user(kernel::simulation& world, std::string name, const std::string& server,
                       std::string more, std::string image)
    : world_(world), name_(std::move(name)),
      machine_(std::make_unique<machine>(
          world, name_,
          "[plugin.transport]\nlibrary = 'transport-sim'\n" +
              std::string(more.find("[plugin.network]") == std::string::npos ? "[plugin.network]\n" : "") +
              "[plugin.store]\nlibrary = 'store-memory'\nimage = '" + (image.empty() ? new_image() : image) +
              "'\n[plugin.agent]\nservers = ['" + server + "']\n" + more)) {}

agent_user::~agent_user() = default;

void agent_user::start() {
    machine_->start();
    machine_->on_shard(0, [this] {
        const auto take_event = [](void* self, const plexus_agent_event* from) {
            static_cast<agent_user*>(self)->take(*from);
        };
        agent()->set_receiver(agent()->service.self, take_event, this);
    });
}

void agent_user::take(const plexus_agent_event& from) {
    event kept_event{from.kind,
                     from.connection,
                     from.id,
                     from.status,
                     from.integrity,
                     to_string(from_abi(from.body)),
                     std::string(text_of(from.text))};
    if (from.sequence == 0) {
        passing.push_back(std::move(kept_event));
        return;
    }
    if (from.sequence > last_sequence_) {
        last_sequence_ = from.sequence;
        events.push_back(kept_event);
    }
    const auto* table = agent();
    const plexus_completion nothing{[](void*, std::int32_t, const plexus_error*) {}, nullptr};
    if (from.kind == PLEXUS_AGENT_CONFIRMATION) {
        // The answer is stored before the question is put away.
        struct answer {
            agent_user* self;
            std::uint64_t sequence;
        };
        const plexus_completion allowed{
            [](void* context, std::int32_t status, const plexus_error*) {
                const std::unique_ptr<answer> mine(static_cast<answer*>(context));
                if (status == PLEXUS_E_STOPPING) return;
                const auto* agents = mine->self->agent();
                const plexus_completion ignored{[](void*, std::int32_t, const plexus_error*) {}, nullptr};
                agents->acknowledge(agents->service.self, mine->sequence, ignored);
            },
            new answer{this, from.sequence}};
        table->allow(table->service.self, from.connection, from.id, to_abi(std::string_view(name_)), allowed);
        return;
    }
    table->acknowledge(table->service.self, from.sequence, nothing);
}

agent_user::outcome
agent_user::wait(const std::function<std::int32_t(const plexus_agent*, outcome&)>& begin) {
    outcome out;
    std::int32_t started = PLEXUS_OK;
    machine_->on_shard(0, [&] { started = begin(agent(), out); });
    if (started != PLEXUS_OK) throw std::runtime_error(describe(started));
    if (!world_.run_until([&] { return out.done; })) throw std::runtime_error("no completion");
    if (out.status != PLEXUS_OK) throw std::runtime_error(out.message);
    return out;
}

agent_user::link agent_user::create() {
    return wait([](const plexus_agent* table, outcome& out) {
               plexus_agent_create_options options{};
               options.size = sizeof options;
               options.flags = 1;
               return table->create(
                   table->service.self, &options,
                   [](void* context, std::int32_t code, const plexus_error* failure,
                      const plexus_agent_link* made) {
                       auto& waiting = *static_cast<outcome*>(context);
                       if (made != nullptr)
                           waiting.made = {made->connection, std::string(text_of(made->full)),
                                           std::string(text_of(made->short_))};
                       waiting.settle(code, failure);
                   },
                   &out);
           })
        .made;
}

std::uint64_t agent_user::join(std::string_view text) {
    return wait([&](const plexus_agent* table, outcome& out) {
               return table->join(
                   table->service.self, to_abi(text), to_abi(std::string_view(name_)),
                   [](void* context, std::int32_t code, const plexus_error* failure, std::uint64_t id) {
                       static_cast<outcome*>(context)->number = id;
                       static_cast<outcome*>(context)->settle(code, failure);
                   },
                   &out);
           })
        .number;
}

std::uint64_t agent_user::send(std::uint64_t connection, std::string_view text) {
    const auto number =
        wait([&](const plexus_agent* table, outcome& out) {
            return table->send(
                table->service.self, connection, 0, 1, to_abi(text),
                [](void* context, std::int32_t code, const plexus_error* failure, std::uint64_t id) {
                    static_cast<outcome*>(context)->number = id;
                    static_cast<outcome*>(context)->settle(code, failure);
                },
                &out);
        }).number;
    accepted[number] = std::string(text);
    return number;
}

void agent_user::begin_send(std::uint64_t connection, std::string text) {
    struct waiting {
        agent_user* self;
        std::string text;
    };
    machine_->on_shard(0, [&] {
        const auto* table = agent();
        auto kept_text = std::make_unique<waiting>(waiting{this, text});
        const auto code = table->send(
            table->service.self, connection, 0, 1, to_abi(std::string_view(text)),
            [](void* context, std::int32_t status, const plexus_error*, std::uint64_t id) {
                const std::unique_ptr<waiting> mine(static_cast<waiting*>(context));
                if (status == PLEXUS_OK) mine->self->accepted[id] = mine->text;
            },
            kept_text.get());
        if (code == PLEXUS_OK) static_cast<void>(kept_text.release());
    });
}

void agent_user::remove(std::uint64_t connection, bool wait_sent) {
    wait([&](const plexus_agent* table, outcome& out) {
        const plexus_completion done{[](void* context, std::int32_t code, const plexus_error* failure) {
                                         static_cast<outcome*>(context)->settle(code, failure);
                                     },
                                     &out};
        return table->remove(table->service.self, connection, wait_sent ? 1 : 0, done);
    });
}

std::string agent_user::security_code(std::uint64_t connection) {
    return wait([&](const plexus_agent* table, outcome& out) {
               const plexus_view_completion done{
                   [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
                       static_cast<outcome*>(context)->text = std::string(text_of(value));
                       static_cast<outcome*>(context)->settle(code, failure);
                   },
                   &out};
               return table->security_code(table->service.self, connection, done);
           })
        .text;
}

std::string agent_user::derive_key(std::string_view label) {
    std::string key(32, '\0');
    wait([&](const plexus_agent* table, outcome& out) {
        const plexus_span to{reinterpret_cast<std::uint8_t*>(key.data()), key.size()};
        out.settle(table->derive_key(table->service.self, to_abi(label), to), nullptr);
        return std::int32_t{PLEXUS_OK};
    });
    return key;
}

std::string agent_user::inspect(std::string_view text) {
    return wait([&](const plexus_agent* table, outcome& out) {
               const plexus_view_completion done{
                   [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
                       static_cast<outcome*>(context)->text = std::string(text_of(value));
                       static_cast<outcome*>(context)->settle(code, failure);
                   },
                   &out};
               return table->inspect(table->service.self, to_abi(text), done);
           })
        .text;
}

std::vector<agent_user::event> agent_user::kept(std::uint32_t kind) const {
    std::vector<event> out;
    for (const auto& each : events)
        if (each.kind == kind) out.push_back(each);
    return out;
}

std::vector<std::string> agent_user::texts() const {
    std::vector<std::string> out;
    for (const auto& each : kept(PLEXUS_AGENT_MESSAGE)) out.push_back(each.body);
    return out;
}

} // namespace plexus::test
