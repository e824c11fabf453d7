#include "commands.hpp"

#include "journal_files.hpp"
#include "journaled_store.hpp"
#include "new_file.hpp"
#include "verify.hpp"

#include "plexus/deployment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace plexus::store_lmdb {
namespace {

namespace fs = std::filesystem;

constexpr std::int32_t exit_lost = 3;

error io_error(const std::string& what, const fs::path& path, int code) {
    return make_error(code == ENOSPC || code == EDQUOT ? status::full : status::io,
                      what + " " + path.string() + ": " + std::generic_category().message(code));
}

std::string in_mib(std::uint64_t size) { return std::to_string((size + (1 << 20) - 1) >> 20) + " MiB"; }

result<void> sync_path(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool ok = file >= 0 && ::fsync(file) == 0;
    const int why = errno;
    if (file >= 0) ::close(file);
    return ok ? result<void>() : io_error("cannot write", path, why);
}

result<void> move(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return io_error("cannot write", to, errno);
    return sync_path(to.parent_path());
}

/// The store of one instance.
struct target {
    std::string instance;
    fs::path path;
    fs::path file() const { return path / "data.mdb"; }
};

result<std::vector<target>> targets_of(const deployment& from, const std::string& argument) {
    std::vector<target> out;
    for (const auto& [instance, values] : from.sections()) {
        const fs::path path = std::string(values.text("path").value_or(""));
        if (values.text("durability") == "memory" || path.empty()) continue;
        out.push_back({std::string(instance), path});
        std::error_code failed;
        if (!fs::exists(out.back().file(), failed))
            return make_error(status::not_found, out.back().file().string() +
                                                     " is not there: the store was never used, "
                                                     "or its path is wrong");
    }
    if (out.empty()) return make_error(status::not_found, argument + " has no store that keeps anything");
    return out;
}

result<owned_folder> hold(const target& of, const char* command) {
    settings with;
    with.path = of.path;
    with.owner = std::string("plexusd ") + command;
    return owned_folder::hold(with);
}

std::uint64_t size_of(const fs::path& file) {
    std::error_code failed;
    const auto size = fs::file_size(file, failed);
    return failed ? 0 : size;
}

// ---- backup

/// A regular file, with its mode.
result<void> copy_with_mode(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::copy_file(from, to, failed);
    if (!failed) fs::permissions(to, fs::status(from).permissions(), failed);
    if (failed) return io_error("cannot write", to, failed.value());
    return sync_path(to);
}

/// Where a store's copy goes, below the backup: nothing if the store is outside the deployment's folder.
std::optional<fs::path> place_in(const fs::path& folder, const fs::path& store) {
    const auto place = store.lexically_normal().lexically_relative(folder.lexically_normal());
    if (place.empty() || place == "." || *place.begin() == "..") return std::nullopt;
    return place;
}

result<std::int32_t> backup(const command_call& call) {
    std::error_code failed;
    const fs::path argument = fs::absolute(call.arguments[0], failed);
    const bool is_folder = fs::is_directory(argument, failed);
    const fs::path folder = is_folder ? argument : argument.parent_path();
    fs::path final_place = fs::absolute(call.arguments[1], failed).lexically_normal();
    if (!final_place.has_filename()) final_place = final_place.parent_path();
    PLEXUS_TRY(const auto from, deployment::open(call.host, call.arguments[0]));
    PLEXUS_TRY(const auto targets, targets_of(from, call.arguments[0]));
    if (fs::exists(final_place, failed))
        return make_error(status::exists, final_place.string() + " is there already: give a new folder");

    auto place = final_place;
    place += ".part";
    fs::remove_all(place, failed); // of a backup that was cut off
    if (::mkdir(place.c_str(), 0700) != 0) return io_error("cannot make", place, errno);
    for (fs::directory_iterator next(folder, failed), end; !failed && next != end; next.increment(failed)) {
        std::error_code ignored;
        if (next->is_regular_file(ignored) && !next->is_symlink(ignored))
            PLEXUS_CHECK(copy_with_mode(next->path(), place / next->path().filename()));
    }
    if (failed) return io_error("cannot read", folder, failed.value());
    for (const auto& one : targets) {
        // Where nobody else has it, it is looked through first; a server has looked at its start.
        if (const auto held = hold(one, "backup")) PLEXUS_CHECK(verify_file(one.file(), 0));
        auto inside = place_in(folder, one.path);
        if (!inside) {
            inside = one.instance;
            call.note("the store " + one.path.string() + " is outside " + folder.string() + ": its copy is " +
                      (final_place / *inside).string() +
                      ", and the configuration in the backup names the original\n");
        }
        fs::create_directories((place / *inside).parent_path(), failed);
        const auto size = size_of(one.file());
        PLEXUS_TRY(auto copy, new_file::create(place / *inside, size));
        PLEXUS_CHECK(copy_rows(one.path, copy, [&](std::uint64_t done) {
            call.note(one.instance + ": " + in_mib(done) + " of at most " + in_mib(size) + "\n");
        }));
        PLEXUS_CHECK(copy.finish());
        PLEXUS_CHECK(verify_file(place / *inside / "data.mdb", 0));
        PLEXUS_CHECK(sync_path(place / *inside));
        call.note(one.instance + ": " + std::to_string(copy.rows()) + " rows, " +
                  in_mib(size_of(place / *inside / "data.mdb")) + "\n");
    }
    PLEXUS_CHECK(sync_path(place));
    PLEXUS_CHECK(move(place, final_place));
    call.print("The backup is in " + final_place.string() + ", with its keys: keep it safe. plexusd start " +
               final_place.string() + " runs it.\n");
    return 0;
}

// ---- compact, verify, repair: of a store that nobody has open

/// Moves what a journal has to LMDB, where a server was killed.
result<void> settle(const command_call& call, const target& one) {
    PLEXUS_TRY(const auto left, find_segments(one.path));
    if (left.empty()) return {};
    PLEXUS_TRY(const auto* clock, call.host.require<plexus_clock>(PLEXUS_CLOCK_ID));
    PLEXUS_TRY(const auto* random, call.host.require<plexus_random>(PLEXUS_RANDOM_ID));
    settings with;
    with.path = one.path;
    with.owner = "plexusd compact";
    with.map_most = std::uint64_t(1) << 40;
    PLEXUS_TRY(const auto opened, journaled_store::open(with, loop_ref(), clock, random));
    return {};
}

result<void> compact(const command_call& call, const target& one) {
    PLEXUS_CHECK(settle(call, one));
    PLEXUS_TRY(const auto held, hold(one, "compact"));
    PLEXUS_TRY(const auto size, verify_file(one.file(), 0));
    const auto folder = one.path / "compact";
    std::error_code failed;
    fs::remove_all(folder, failed);
    PLEXUS_TRY(auto copy, new_file::create(folder, size));
    PLEXUS_CHECK(copy_rows(one.path, copy, [&](std::uint64_t done) {
        call.note(one.instance + ": " + in_mib(done) + " of at most " + in_mib(size) + "\n");
    }));
    PLEXUS_CHECK(copy.finish());
    PLEXUS_CHECK(verify_file(folder / "data.mdb", 0));
    PLEXUS_CHECK(move(folder / "data.mdb", one.file()));
    fs::remove_all(folder, failed);
    call.print(one.instance + ": " + std::to_string(size) + " bytes before, " +
               std::to_string(size_of(one.file())) + " now\n");
    return {};
}

/// Whether it is sound.
result<bool> verify(const command_call& call, const target& one) {
    PLEXUS_TRY(const auto held, hold(one, "verify"));
    const auto size = verify_file(one.file(), 0);
    if (!size && !size.error().is(status::corrupt)) return size.error();
    call.print(one.instance + ": " +
               (size ? "every page of " + one.file().string() + " was read and is sound, " +
                           std::to_string(*size) + " bytes\n"
                     : size.error().message() + "; plexusd repair saves what can still be read\n"));
    return size.has_value();
}

/// Whether nothing was lost.
result<bool> repair(const command_call& call, const target& one) {
    PLEXUS_TRY(const auto held, hold(one, "repair"));
    if (const auto size = verify_file(one.file(), 0)) {
        call.print(one.instance + ": sound, nothing is changed\n");
        return true;
    } else if (!size.error().is(status::corrupt)) {
        return size.error();
    } else {
        call.note(size.error().message() + "\n");
    }
    const auto folder = one.path / "repair";
    std::error_code failed;
    fs::remove_all(folder, failed);
    PLEXUS_TRY(auto copy, new_file::create(folder, size_of(one.file())));
    PLEXUS_TRY(const auto lost, salvage_rows(one.file(), copy));
    PLEXUS_CHECK(copy.finish());
    PLEXUS_CHECK(verify_file(folder / "data.mdb", 0));
    auto kept = one.file();
    for (int n = 1; fs::exists(kept, failed); ++n)
        kept = one.file().string() + ".damaged-" + std::to_string(n);
    // A link first: at no moment there is no data file.
    if (::link(one.file().c_str(), kept.c_str()) != 0) return io_error("cannot write", kept, errno);
    PLEXUS_CHECK(move(folder / "data.mdb", one.file()));
    fs::remove_all(folder, failed);
    call.print(one.instance + ": " + std::to_string(copy.rows()) + " rows were saved; " +
               std::to_string(lost.pages_lost) + " pages and " + std::to_string(lost.values_lost) +
               " values could not be read" + (lost.last_commit_lost ? ", and the last commit is lost" : "") +
               ". The damaged file is kept as " + kept.string() + "\n");
    return lost.pages_lost + lost.values_lost == 0 && !lost.last_commit_lost;
}

} // namespace

const std::array<plexus_command_info, 4> commands = {
    plexus_command_info{"backup", "DIR TARGET", 2, 2, nullptr, 0, 0,
                        "Copy a deployment and its stores as they are now, also while it runs"},
    plexus_command_info{"compact", "DIR", 1, 1, nullptr, 0, 0,
                        "Write the stores of a stopped deployment anew, without unused pages"},
    plexus_command_info{"repair", "DIR", 1, 1, nullptr, 0, 0,
                        "Save what can be read of the damaged stores of a stopped deployment"},
    plexus_command_info{"verify", "DIR", 1, 1, nullptr, 0, 0,
                        "Read every page of the stores of a stopped deployment"},
};

result<std::int32_t> run_command(std::string_view name, const command_call& call) {
    if (name == "backup") return backup(call);
    PLEXUS_TRY(const auto from, deployment::open(call.host, call.arguments[0]));
    PLEXUS_TRY(const auto targets, targets_of(from, call.arguments[0]));
    std::int32_t code = 0;
    for (const auto& one : targets) {
        if (name == "compact") {
            PLEXUS_CHECK(compact(call, one));
        } else if (name == "verify") {
            PLEXUS_TRY(const bool sound, verify(call, one));
            if (!sound) code = 1;
        } else {
            PLEXUS_TRY(const bool whole, repair(call, one));
            if (!whole) code = exit_lost;
        }
    }
    return code;
}

} // namespace plexus::store_lmdb
