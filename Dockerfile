# docker build -t unifuse .                                  CPU
# docker build -t unifuse:cuda --build-arg TORCH=cu126 .     NVIDIA; run with --gpus all
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" unifuse fuse DEGRADED REFERENCE -o out
FROM python:3.12-slim

# a tag of download.pytorch.org/whl; its packages bring the CUDA libraries with them
ARG TORCH=cpu

ENV PIP_NO_CACHE_DIR=1 PYTHONUTF8=1 MPLCONFIGDIR=/tmp/matplotlib

WORKDIR /src
COPY constraints.txt ./
RUN pip install -c constraints.txt --index-url "https://download.pytorch.org/whl/${TORCH}" torch

COPY pyproject.toml README.md LICENSE ./
COPY UniFuseLib UniFuseLib
COPY Resources/Models Resources/Models
COPY Resources/SampleData Resources/SampleData
RUN pip install -c constraints.txt ".[report,dicom,cluster]" && rm -rf /src

WORKDIR /data
ENTRYPOINT ["unifuse"]
CMD ["--help"]
