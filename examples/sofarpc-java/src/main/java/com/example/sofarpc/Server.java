package com.example.sofarpc;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import java.util.List;

/** Exports the services of this example over bolt on one local port, without a registry. */
public final class Server {
    private final ServerConfig port;

    private Server(int port) {
        this.port = new ServerConfig()
            .setProtocol("bolt")
            .setHost("127.0.0.1")
            .setPort(port)
            .setDaemon(false)
            .setStopTimeout(1000);
    }

    public static void main(String[] args) {
        int port = Integer.parseInt(args[0]);
        Server server = new Server(port);
        server.provider(EchoService.class, new EchoServiceImpl()).setFilterRef(List.of(new PropertyFilter())).export();
        server.provider(GreetingService.class, new GreetingServiceImpl()).setSerialization("protobuf").export();
        server.zone("plain").export();
        server.zone("blue").setUniqueId("blue").export();
        server.zone("green").setUniqueId("green").export();
        server.zone("v2").setVersion("2.0").export();
        server.zone("v2-blue").setVersion("2.0").setUniqueId("blue").export();
        System.out.println("ready " + port);
    }

    private ProviderConfig<ZoneService> zone(String name) {
        return provider(ZoneService.class, () -> name);
    }

    private <T> ProviderConfig<T> provider(Class<T> service, T implementation) {
        return new ProviderConfig<T>()
            .setApplication(new ApplicationConfig().setAppName("example-server"))
            .setInterfaceId(service.getName())
            .setRef(implementation)
            .setServer(port)
            // SOFARPC refuses a second export of an interface, unless told that it is meant.
            .setRepeatedExportLimit(-1)
            .setRegister(false);
    }
}
