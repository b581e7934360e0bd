/* beget for C++17: start a function or lambda in a new process and get its result or exception. beget.hpp(3)
 *
 * This header needs no library of its own. A start calls beget::detail::run in the child, which converts the received
 * bytes to the parameters, calls the target, and returns its result or the text of its exception as bytes. For
 * everything else, pass the handle that get() returns to the functions of beget.h. */
#ifndef BEGET_HPP
#define BEGET_HPP

#include <beget.h>

#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<span>)
#include <span>
#endif

namespace beget
{

/* An exception that left the target; what() is its text. */
struct target_error : std::runtime_error {
	using std::runtime_error::runtime_error;
};

/* Turns a negative result of the C interface into an exception with beget_error()'s sentence. */
inline int check(int result)
{
	if (result < 0)
		throw std::system_error(-result, std::generic_category(), beget_error());
	return result;
}

/* The options of one start: defaults, or a method. */
struct options : beget_options {
	options(beget_method chosen = BEGET_FORKSERVER) : beget_options{}
	{
		size = sizeof(beget_options);
		method = chosen;
	}
};

/* Owners of objects of the C interface. */
struct release {
	void operator()(beget_process *process) const
	{
		beget_free(process);
	}
	void operator()(beget_server *server) const
	{
		beget_server_close(server);
	}
	void operator()(beget_buffer *buffer) const
	{
		beget_buffer_free(buffer);
	}
};
using server = std::unique_ptr<beget_server, release>;
using buffer = std::unique_ptr<beget_buffer, release>;

/* How a T is passed: wire is its type in the C interface, code the type code. Specialize it for types of your own. */
template <class T, class = void> struct codec {
	static_assert(!std::is_pointer<T>::value, "beget: an address means nothing in another process; "
	                                          "pass a string, a vector or a string_view");
	static_assert(std::is_trivially_copyable<T>::value, "beget: this type needs a beget::codec");
	using wire = beget_bytes;
	static constexpr unsigned code = BEGET_TYPE_BYTES;
	static wire put(const T &value)
	{
		return {std::addressof(value), sizeof(T)};
	}
	static T get(wire bytes)
	{
		alignas(T) unsigned char copy[sizeof(T)];
		std::memcpy(copy, bytes.data, sizeof(T));
		return *std::launder(reinterpret_cast<T *>(copy));
	}
};

/* Strings, vectors and views: a sequence of elements. A view refers to the child's copy. */
template <class T> struct run_codec {
	using element = typename T::value_type;
	static_assert(std::is_trivially_copyable<element>::value, "beget: the elements need a beget::codec");
	using wire = beget_bytes;
	static constexpr unsigned code = BEGET_TYPE_BYTES;
	static wire put(const T &run)
	{
		return {run.data(), run.size() * sizeof(element)};
	}
	static T get(wire bytes)
	{
		auto *first = static_cast<element *>(const_cast<void *>(bytes.data));
		return bytes.size == 0 ? T() : T(first, first + bytes.size / sizeof(element));
	}
};
template <class C> struct codec<std::basic_string<C>> : run_codec<std::basic_string<C>> {
};
template <class T> struct codec<std::vector<T>> : run_codec<std::vector<T>> {
};
template <> struct codec<std::string_view> : run_codec<std::string_view> {
	static std::string_view get(wire bytes)
	{
		return {static_cast<const char *>(bytes.data), bytes.size};
	}
};
#ifdef __cpp_lib_span
template <class T> struct codec<std::span<T>> : run_codec<std::span<T>> {
};
#endif

/* Types that the C interface has. */
template <class T, unsigned type> struct plain_codec {
	using wire = T;
	static constexpr unsigned code = type;
	static T put(T value)
	{
		return value;
	}
	static T get(T value)
	{
		return value;
	}
};
template <> struct codec<const char *> : plain_codec<const char *, BEGET_TYPE_STRING> {
};
template <> struct codec<beget_fd> : plain_codec<beget_fd, BEGET_TYPE_FD> {
};
template <> struct codec<beget_buffer *> : plain_codec<beget_buffer *, BEGET_TYPE_BUFFER> {
};
template <class R, class... P> struct codec<R (*)(P...)> : plain_codec<R (*)(P...), BEGET_TYPE_FUNCTION> {
};
template <class R, class... P>
struct codec<R (*)(P...) noexcept> : plain_codec<R (*)(P...) noexcept, BEGET_TYPE_FUNCTION> {
};

namespace detail
{

/* The last byte of a reply, after the result or the text. */
enum : char { RETURNED, THREW };

template <class R, class Call> void assign_result(std::string &reply, Call call)
{
	if constexpr (std::is_void<R>::value) {
		call();
		reply.clear();
	} else {
		const R result = call();
		const beget_bytes bytes = codec<R>::put(result);
		reply.assign(static_cast<const char *>(bytes.data), bytes.size);
	}
	reply += RETURNED;
}

/* Runs in the child. pthread_exit(3) unwinds with an exception of its own, which must not be swallowed. */
template <class F, class R, class... P>
beget_bytes run(typename codec<F>::wire target, typename codec<P>::wire... values)
{
	static std::string reply; /* the library copies it after the return */

	try {
		F function = codec<F>::get(target);
		assign_result<R>(reply, [&]() -> R { return function(codec<P>::get(values)...); });
#ifdef __GLIBCXX__
	} catch (__cxxabiv1::__forced_unwind &) {
		throw;
#endif
	} catch (const std::exception &error) {
		reply.assign(error.what()) += THREW;
	} catch (...) {
		reply.assign("an exception that is not a std::exception") += THREW;
	}
	return {reply.data(), reply.size()};
}

template <class T> beget_arg argument(const typename codec<T>::wire &wire)
{
	return {codec<T>::code, 0, sizeof(wire), &wire, nullptr};
}

} // namespace detail

/* A started process whose target returns an R. The destructor does not wait: see beget_free(3). */
template <class R> class process
{
      public:
	explicit process(beget_process *started) : handle(started)
	{
	}

	beget_process *get() const
	{
		return handle.get();
	}

	/* How it ended. Throws a std::system_error with std::errc::timed_out if it has not. */
	beget_status join(int timeout_ms = BEGET_FOREVER)
	{
		beget_status status;
		check(beget_join(get(), timeout_ms, &status));
		return status;
	}

	/* Which process this is and what became of it. */
	std::string describe() const
	{
		char text[512];
		check(beget_describe(get(), text, sizeof(text)));
		return text;
	}

	/* Waits for the result. Throws a target_error if the target threw, and a std::system_error if it ended in
	 * another way. */
	R result()
	{
		static_assert(!std::is_same<R, std::string_view>::value, "beget: return a std::string, not a view");
		beget_bytes reply;
		join();
		int error = beget_result_as(get(), BEGET_TYPE_BYTES, sizeof(reply), &reply);
		if (error < 0)
			throw std::system_error(-error, std::generic_category(), describe());
		const char *text = static_cast<const char *>(reply.data);
		reply.size--;
		if (text[reply.size] == detail::THREW)
			throw target_error(std::string(text, reply.size));
		if constexpr (!std::is_void<R>::value)
			return codec<R>::get(reply);
	}

      private:
	std::unique_ptr<beget_process, release> handle;
};

namespace detail
{

template <class F, class R, class... P, class... A>
process<R> start(std::function<R(P...)> *, const beget_options &options, const F &target, A &&...values)
{
	const std::tuple<std::decay_t<P>...> converted(std::forward<A>(values)...);
	const auto function = codec<F>::put(target);
	const auto wires = std::apply(
		[](const auto &...value) { return std::tuple(codec<std::decay_t<P>>::put(value)...); }, converted);

	return std::apply(
		[&](const auto &...wire) {
			const beget_arg args[] = {argument<F>(function), argument<std::decay_t<P>>(wire)...};
			beget_call call = {};
			call.function = reinterpret_cast<void (*)()>(&run<F, R, std::decay_t<P>...>);
			call.result = BEGET_TYPE_BYTES;
			call.n = 1 + sizeof...(P);
			call.args = args;
			beget_process *started;
			check(beget_start(&started, &options, &call));
			return process<R>(started);
		},
		wires);
}

} // namespace detail

/* Starts target(values...) in a new process. The target is a function, or a lambda whose captures can be copied as
 * bytes; the values are converted to its parameters here. */
template <class F, class... A> auto start(const options &options, F target, A &&...values)
{
	using signature = decltype(std::function(target));
	return detail::start(static_cast<signature *>(nullptr), options, target, std::forward<A>(values)...);
}

} // namespace beget

#endif
