/*
 * image_file.c
 *		Keeps an image in a file of the data directory.
 *
 * A damaged file is found by its checksum, one that should not have been written
 * as it is by image_check.c; one that other versions of the libraries made, or
 * another kind of processor, or that belongs to another server, by its header.
 * An image that was made of a rule whose transaction a crash then
 * takes back could be taken for one of the next rule with that revision; so the
 * write-ahead log is flushed first.
 */
#include "postgres.h"

#include "rules/image_file.h"

#include <fcntl.h>
#include <hs.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "access/xlog.h"
#include "common/file_perm.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "rules/image_check.h"
#include "storage/fd.h"

#define DIRECTORY		"homeostasis"
#define PATH			DIRECTORY "/rules"
#define TEMPORARY_PATH	DIRECTORY "/rules.new"

#define MAGIC			UINT64CONST(0x484f4d454f525531)

/* No image is as large. */
#define MAX_SIZE		((uint64) 1 << 30)

typedef struct ImageFileHeader
{
	pg_crc32c	checksum;		/* of all that follows it */
	uint32		format;			/* HOMEO_IMAGE_FORMAT */
	uint64		magic;
	uint64		system;			/* GetSystemIdentifier() */
	uint64		size;			/* of the image */
	Oid			database;
	Oid			relation;
	char		vectorscan[64]; /* versions of the libraries */
	char		pcre2[64];
	hs_platform_info_t platform;	/* what the databases are compiled for */
} ImageFileHeader;

StaticAssertDecl(sizeof(ImageFileHeader) % MAXIMUM_ALIGNOF == 0,
				 "an image in a file is not aligned");

/* As it is for an image of this server, but for its size and checksum. */
static void
fill_header(ImageFileHeader *header, HomeoImageOrigin origin)
{
	memset(header, 0, sizeof(*header));
	header->format = HOMEO_IMAGE_FORMAT;
	header->magic = MAGIC;
	header->system = GetSystemIdentifier();
	header->database = origin.database;
	header->relation = origin.relation;
	strlcpy(header->vectorscan, hs_version(), sizeof(header->vectorscan));
	(void) pcre2_config(PCRE2_CONFIG_VERSION, header->pcre2);
	(void) hs_populate_platform(&header->platform);
}

static pg_crc32c
checksum_of(const ImageFileHeader *header, const void *image)
{
	pg_crc32c	checksum;

	INIT_CRC32C(checksum);
	COMP_CRC32C(checksum, (const char *) header + sizeof(header->checksum),
				sizeof(*header) - sizeof(header->checksum));
	COMP_CRC32C(checksum, image, header->size);
	FIN_CRC32C(checksum);
	return checksum;
}

static void
write_all(int fd, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0)
	{
		ssize_t		done;

		errno = 0;
		done = write(fd, from, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
		{
			/* What writes less and says nothing has no space. */
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write file \"%s\": %m", TEMPORARY_PATH)));
		}
		from += done;
		len -= (size_t) done;
	}
}

void
homeo_image_file_write(const HomeoImage *image, HomeoImageOrigin origin)
{
	ImageFileHeader header;
	int			fd;

	XLogFlush(GetXLogInsertRecPtr());
	fill_header(&header, origin);
	header.size = image->size;
	header.checksum = checksum_of(&header, image);

	if (MakePGDirectory(DIRECTORY) != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", DIRECTORY)));
	fd = OpenTransientFile(TEMPORARY_PATH,
						   O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", TEMPORARY_PATH)));
	write_all(fd, &header, sizeof(header));
	write_all(fd, image, image->size);
	if (CloseTransientFile(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", TEMPORARY_PATH)));
	(void) durable_rename(TEMPORARY_PATH, PATH, ERROR);
}

/* Reads so many bytes; false: there are fewer. */
static bool
read_all(int fd, void *bytes, size_t len)
{
	char	   *to = bytes;

	while (len > 0)
	{
		ssize_t		got = read(fd, to, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		len -= (size_t) got;
	}
	return true;
}

/* Reads the image behind its header; NULL: it is damaged. */
static const HomeoImage *
read_image(int fd, const ImageFileHeader *header)
{
	char	   *memory;
	HomeoImage *image;

	if (header->size < sizeof(HomeoImage) || header->size > MAX_SIZE)
		return NULL;
	memory = palloc_extended(header->size + HOMEO_IMAGE_ALIGNMENT,
							 MCXT_ALLOC_HUGE);
	image = (HomeoImage *) TYPEALIGN(HOMEO_IMAGE_ALIGNMENT, memory);
	if (!read_all(fd, image, header->size) ||
		checksum_of(header, image) != header->checksum ||
		image->size != header->size || !homeo_image_check(image))
	{
		pfree(memory);
		return NULL;
	}
	return image;
}

/* Why a header that is whole is not one that this server can use, or NULL. */
static const char *
find_difference(const ImageFileHeader *header, const ImageFileHeader *own)
{
	if (strncmp(header->vectorscan, own->vectorscan,
				sizeof(own->vectorscan)) != 0 ||
		strncmp(header->pcre2, own->pcre2, sizeof(own->pcre2)) != 0)
		return "other versions of Vectorscan or PCRE2 made it";
	if (memcmp(&header->platform, &own->platform, sizeof(own->platform)) != 0)
		return "it was made for another processor";
	return NULL;
}

const HomeoImage *
homeo_image_file_read(HomeoImageOrigin origin, const char **problem)
{
	ImageFileHeader header;
	ImageFileHeader own;
	const HomeoImage *image = NULL;
	int			fd = OpenTransientFile(PATH, O_RDONLY | PG_BINARY);

	*problem = NULL;
	if (fd < 0)
	{
		if (errno != ENOENT)
			*problem = psprintf("it could not be opened: %m");
		return NULL;
	}
	fill_header(&own, origin);
	if (!read_all(fd, &header, sizeof(header)) || header.magic != own.magic)
		*problem = "it is damaged";
	else if (header.format == own.format)
	{
		image = read_image(fd, &header);
		*problem = image == NULL ? "it is damaged" :
			find_difference(&header, &own);
	}
	CloseTransientFile(fd);
	if (*problem != NULL || header.system != own.system ||
		header.database != own.database || header.relation != own.relation)
		return NULL;
	return image;
}
