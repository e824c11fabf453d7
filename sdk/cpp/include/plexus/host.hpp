// The host as a plugin sees it: services by id, log lines, configuration, clock, random bytes, metrics.
#pragma once

#include "plexus/abi.hpp"
#include "plexus/abi/host.h"

#include <chrono>
#include <optional>
#include <vector>

namespace plexus {

/// One field of a log line; both views live until the line is written.
struct field {
    std::string_view key;
    std::string_view value;
};

/// Log lines of this instance. Cheap to copy; without a log service it is silent. [any-thread]
class logger {
  public:
    logger() = default;
    explicit logger(const plexus_log* table) : table_(table) {}

    bool enabled(std::uint32_t level) const noexcept {
        return table_ != nullptr && table_->enabled(table_->service.self, level) != 0;
    }
    void write(std::uint32_t level, std::string_view message,
               std::initializer_list<field> fields = {}) const {
        if (!enabled(level)) return;
        std::array<plexus_log_field, 16> out{};
        std::uint32_t count = 0;
        for (const auto& one : fields) {
            if (count == out.size()) break;
            out[count++] = plexus_log_field{to_abi(one.key), to_abi(one.value)};
        }
        table_->write(table_->service.self, level, to_abi(message), out.data(), count);
    }
    void error(std::string_view message, std::initializer_list<field> fields = {}) const {
        write(PLEXUS_LOG_ERROR, message, fields);
    }
    void warning(std::string_view message, std::initializer_list<field> fields = {}) const {
        write(PLEXUS_LOG_WARNING, message, fields);
    }
    void info(std::string_view message, std::initializer_list<field> fields = {}) const {
        write(PLEXUS_LOG_INFO, message, fields);
    }
    void debug(std::string_view message, std::initializer_list<field> fields = {}) const {
        write(PLEXUS_LOG_DEBUG, message, fields);
    }

  private:
    const plexus_log* table_ = nullptr;
};

/// Values of the instance's keys; the host has checked types and filled in defaults. [any-thread]
class config_view {
  public:
    config_view() = default;
    explicit config_view(const plexus_config* table) : table_(table) {}

    std::optional<std::string_view> text(const char* key) const {
        plexus_view value{};
        return ok(table_->get_text(self(), key, &value)) ? std::optional(text_of(value)) : std::nullopt;
    }
    std::optional<std::int64_t> integer(const char* key) const {
        std::int64_t value = 0;
        return ok(table_->get_integer(self(), key, &value)) ? std::optional(value) : std::nullopt;
    }
    std::optional<std::chrono::nanoseconds> duration(const char* key) const {
        const auto value = integer(key);
        return value ? std::optional(std::chrono::nanoseconds(*value)) : std::nullopt;
    }
    bool boolean(const char* key) const {
        std::uint32_t value = 0;
        return ok(table_->get_boolean(self(), key, &value)) && value != 0;
    }
    std::vector<std::string_view> list(const char* key) const {
        const plexus_view* values = nullptr;
        std::uint32_t count = 0;
        std::vector<std::string_view> out;
        if (!ok(table_->get_list(self(), key, &values, &count))) return out;
        for (std::uint32_t i = 0; i < count; ++i) out.push_back(text_of(values[i]));
        return out;
    }

  private:
    static bool ok(std::int32_t code) noexcept { return code == PLEXUS_OK; }
    void* self() const noexcept { return table_->service.self; }
    const plexus_config* table_ = nullptr;
};

/// A number that the operator can read. [any-thread]
class metric {
  public:
    metric() = default;
    metric(const plexus_metrics* table, plexus_metric* handle) : table_(table), handle_(handle) {}
    void add(std::int64_t amount = 1) const noexcept {
        if (handle_ != nullptr) table_->add(table_->service.self, handle_, amount);
    }
    void set(std::int64_t value) const noexcept {
        if (handle_ != nullptr) table_->set(table_->service.self, handle_, value);
    }

  private:
    const plexus_metrics* table_ = nullptr;
    plexus_metric* handle_ = nullptr;
};

/// The host of one instance. Cheap to copy. Valid while the instance is.
class host_ref {
  public:
    explicit host_ref(const plexus_host* host) : host_(host) {}

    std::string_view instance() const noexcept { return host_->instance; }
    const plexus_host* raw() const noexcept { return host_; }

    /// A service's table, or null. `Table` is its struct of the ABI. From init on. [loader]
    template <typename Table>
    const Table* service(const char* id) const noexcept {
        return reinterpret_cast<const Table*>(host_->get_service(host_, id));
    }

    /// The same for a service without which the instance cannot work.
    template <typename Table>
    result<const Table*> require(const char* id) const {
        const auto* table = service<Table>(id);
        if (table == nullptr)
            return make_error(status::not_found, std::string("the service ") + id + " is not there");
        return table;
    }

    logger log() const { return logger(service<plexus_log>(PLEXUS_LOG_ID)); }
    config_view config() const { return config_view(service<plexus_config>(PLEXUS_CONFIG_ID)); }

    metric counter(const char* name, const char* help) const {
        return make_metric(PLEXUS_METRIC_COUNTER, name, help);
    }
    metric gauge(const char* name, const char* help) const {
        return make_metric(PLEXUS_METRIC_GAUGE, name, help);
    }

  private:
    metric make_metric(std::uint32_t kind, const char* name, const char* help) const {
        const auto* table = service<plexus_metrics>(PLEXUS_METRICS_ID);
        plexus_metric* handle = nullptr;
        if (table == nullptr || table->create(table->service.self, kind, name, help, &handle) != PLEXUS_OK)
            return {};
        return metric(table, handle);
    }
    const plexus_host* host_;
};

/// The host's clock. [any-thread]
class clock_view {
  public:
    clock_view() = default;
    explicit clock_view(const plexus_clock* table) : table_(table) {}
    std::chrono::nanoseconds monotonic() const {
        return std::chrono::nanoseconds(table_->monotonic_ns(table_->service.self));
    }
    /// Since 1970-01-01 UTC.
    std::chrono::nanoseconds wall() const {
        return std::chrono::nanoseconds(table_->wall_ns(table_->service.self));
    }

  private:
    const plexus_clock* table_ = nullptr;
};

} // namespace plexus
