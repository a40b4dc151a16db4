// SPDX-License-Identifier: BSD-2-Clause
// Image and module files on disk: those that load as bytes do, and what is no readable file.
// Not what is in them: the formats' tests have that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/image_file.h"

/* A directory of this test's own, with one path in it. */
struct place {
	char directory[64];
	char path[80];
};

static int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->directory, sizeof(p->directory), "/tmp/test_image_file.XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	snprintf(p->path, sizeof(p->path), "%s/image", p->directory);
	*state = p;
	return 0;
}

static int place_teardown(void **state)
{
	struct place *p = *state;

	remove(p->path);
	assert_int_equal(rmdir(p->directory), 0);
	free(p);
	return 0;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void assert_unreadable(const char *path, const char *phrase)
{
	struct image_error error = {.kind = IMAGE_BAD};
	struct image_source source;

	assert_false(image_file_open(&(struct image_file){.name = path}, &source, &error));
	assert_int_equal(error.kind, IMAGE_UNREADABLE);
	assert_int_equal(source.fd, -1);
	if (!strstr(error.text, phrase) || !strstr(error.text, path))
		fail_msg("'%s' expected in: %s", phrase, error.text);
}

static void test_file_is_copied_whole(void **state)
{
	struct place *p = *state;
	struct image_source source;
	struct image_error error;
	char copy[8] = "........";

	write_file(p->path, "a\0b\nc", 5);
	assert_true(image_file_open(&(struct image_file){.name = p->path}, &source, &error));
	assert_int_equal(source.size, 5);
	assert_true(image_file_copy(&source, copy, &error));
	assert_memory_equal(copy, "a\0b\nc...", 8);
	image_file_close(&source);
	assert_int_equal(source.fd, -1);
}

static void test_bytes_are_copied_whole(void **state)
{
	struct image_source source;
	struct image_error error;
	char copy[8] = "........";

	(void)state;
	/* The name is not looked at: the embedded tour has no file. */
	assert_true(
		image_file_open(&(struct image_file){"/no/such/file", "abc", 3}, &source, &error));
	assert_int_equal(source.size, 3);
	assert_true(image_file_copy(&source, copy, &error));
	assert_memory_equal(copy, "abc.....", 8);
	image_file_close(&source);
}

static void test_file_that_is_not_there(void **state)
{
	struct place *p = *state;

	assert_unreadable(p->path, "No such file or directory");
	assert_unreadable("", "No such file or directory");
}

static void test_what_is_no_regular_file(void **state)
{
	struct place *p = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	assert_unreadable(p->directory, "a directory");
	assert_unreadable("/dev/null", "a character device");
	/* Nobody ever writes to this pipe: opening it to read would block for ever. */
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_unreadable(p->path, "a pipe");
	assert_int_equal(remove(p->path), 0);

	memcpy(address.sun_path, p->path, strlen(p->path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_unreadable(p->path, "a socket");
	close(fd);
}

static void test_file_without_permission(void **state)
{
	struct place *p = *state;

	bool root = geteuid() == 0;

	write_file(p->path, "abc", 3);
	assert_int_equal(chmod(p->path, 0), 0);
	/* Root may read anything, so it must not be root here. */
	if (root && seteuid(65534) != 0)
		skip();
	assert_unreadable(p->path, "Permission denied");
	if (root)
		assert_int_equal(seteuid(0), 0);
}

static void test_file_that_shrinks(void **state)
{
	struct place *p = *state;
	struct image_source source;
	struct image_error error = {.kind = IMAGE_BAD};
	char copy[8];

	write_file(p->path, "abcdefgh", 8);
	assert_true(image_file_open(&(struct image_file){.name = p->path}, &source, &error));
	assert_int_equal(truncate(p->path, 3), 0);
	assert_false(image_file_copy(&source, copy, &error));
	assert_int_equal(error.kind, IMAGE_UNREADABLE);
	assert_non_null(strstr(error.text, "shorter"));
	image_file_close(&source);
}

/* One module, or NULL for none. */
static void load_file(struct fixture *f, const char *image, const struct image_file *module,
		      int expected)
{
	f->request = (struct image_request){
		.image = {.name = image}, .modules = module, .module_count = module ? 1 : 0};
	memset(&f->error, 0, sizeof(f->error));
	assert_int_equal(image_load(&f->request, &f->ram, &f->state, &f->error), expected);
}

static void test_load_from_disk(void **state)
{
	struct place *p = *state;
	void *fixture;
	struct fixture *f;

	fixture_setup(&fixture);
	f = fixture;
	build_small_elf(&f->build, true, 0x100000);
	write_file(p->path, f->build.bytes, f->build.size);
	load_file(f, p->path, &(struct image_file){.name = p->path}, 0);
	fixture_ram_is(f, 0x100000, 0x90, 16);
	assert_memory_equal(ram_at(&f->ram, 0x101000, f->build.size), f->build.bytes,
			    f->build.size);
	assert_string_equal(fixture_string(f, fixture_u32(f, f->state.rdi + 16)), p->path);

	load_file(f, p->path, &(struct image_file){.name = "/no/such/module"}, -1);
	assert_int_equal(f->error.kind, IMAGE_UNREADABLE);
	assert_non_null(strstr(f->error.text, "'/no/such/module': No such file"));
	load_file(f, "/no/such/image", NULL, -1);
	assert_int_equal(f->error.kind, IMAGE_UNREADABLE);

	/* Sizes that nobody should try to read: sparse, so that they cost no disk. */
	load_file(f, p->path, NULL, 0);
	assert_int_equal(truncate(p->path, (off_t)IMAGE_SIZE_MAX + 1), 0);
	load_file(f, p->path, NULL, -1);
	assert_int_equal(f->error.kind, IMAGE_BAD);
	assert_non_null(strstr(f->error.text, "it has 1073741825 bytes, an image at most"));
	fixture_teardown(&fixture);
}

int main(void)
{
#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_file_is_copied_whole),
		cmocka_unit_test(test_bytes_are_copied_whole),
		PLACE_TEST(test_file_that_is_not_there),
		PLACE_TEST(test_what_is_no_regular_file),
		PLACE_TEST(test_file_without_permission),
		PLACE_TEST(test_file_that_shrinks),
		PLACE_TEST(test_load_from_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
